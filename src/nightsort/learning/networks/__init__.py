"""Networks by name: ours for small pictures, and torchvision's."""
