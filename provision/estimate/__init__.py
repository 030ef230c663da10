"""What a run and a month of serving would cost, from a dated table of prices. Pure.

Every line is a quantity times a price; a price that the table does not have is said, not guessed.
"""
