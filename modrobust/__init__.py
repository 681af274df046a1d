"""modrobust: compositional robustness and modular structure of neural networks."""
