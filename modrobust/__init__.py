"""modrobust: compositional robustness and modular structure of neural networks."""

__version__ = "0.1.0"
