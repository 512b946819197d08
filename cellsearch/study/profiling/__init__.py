"""What cells can do: small exercises, the trainings for them, and a portrait of each cell."""
