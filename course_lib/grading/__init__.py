"""What instructors run. A student's installation never imports this package."""

import sys

# jsonschema reads a grammar of web addresses when it is imported: half of the start of each verb,
# and no schema of a notebook uses it. It does without where the package is not to be had.
sys.modules.setdefault("rfc3987_syntax", None)
