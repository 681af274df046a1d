"""Methods: what is trained on elemental corruptions and how a composition is predicted; one file per method.

`fit` is the loop all of them share, `experiment` what each of them is given.
"""
