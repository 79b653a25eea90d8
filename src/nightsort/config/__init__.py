"""Every knob of a run: one pydantic model of parameters for each flow. Building one reads and writes nothing."""
