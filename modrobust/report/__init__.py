"""Tables, figures and a page from run folders; each room looks only to those before it.

read (folders to rows) -> stats -> tables -> figures -> page. Reads files only; never imports torch.
"""
