"""What changes a training batch at random: policies, the gentle one, mixing."""
