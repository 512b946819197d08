"""Rules: how torch's operations become operations of a cell, and why some cannot.

A rule is a function of the builder, the shape of the result, and the arguments.
"""
