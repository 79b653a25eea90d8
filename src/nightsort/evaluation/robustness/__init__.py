"""How a model bears pictures that are worse than those it learned from."""
