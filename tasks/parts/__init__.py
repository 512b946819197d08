"""The parts that tasks are made of: symbols, streams of text, sequences of different lengths, a translator, dates."""
