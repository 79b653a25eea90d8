"""What computes a model's logits: torch on the CPU, OpenVINO, torch on a GPU, behind one session."""
