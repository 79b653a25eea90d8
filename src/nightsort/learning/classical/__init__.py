"""Models of scikit-learn on features of pictures, computed by torch as arrays."""
