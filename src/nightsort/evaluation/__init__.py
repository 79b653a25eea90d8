"""Is it good: metrics, calibration, the promotion gate."""
