"""What is asked and how an answer is judged: data sets, extraction, grading, templates, token counting. Pure but for
reading question files."""
