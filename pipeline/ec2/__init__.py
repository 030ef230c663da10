"""Training on one instance of EC2: the deployed pipeline's definition, compiled for one machine.

`task` takes the steps Prepare, Train, Evaluate, Gate and Register out of a definition and says what
one machine does for them; `user_data` is how it starts and how it ends; `requests` is how it is
asked for. All pure. `inside/` is what runs there and imports nothing else of ours.
"""
