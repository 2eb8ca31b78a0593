"""Training: the student registry, profiles, and the trainers."""
