"""What can be known to go wrong before anything costs money: all of it at once, with its remedy.

A check reads and changes nothing. `checks` has the table of them, in order, and runs them.
"""
