"""`python -m infrastructure` prints the template that `foundation.yaml` holds."""

from infrastructure.template import as_yaml, compile_template

print(as_yaml(compile_template()), end="")
