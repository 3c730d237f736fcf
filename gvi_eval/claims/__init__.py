"""What was said about effects, held against the figures that were published: four questions, never one star."""
