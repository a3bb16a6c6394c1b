"""Whether an environment serves, decided from what was observed: plain values in, a word and why out."""
