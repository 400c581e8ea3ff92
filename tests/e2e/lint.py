"""promtool's opinion of an exposition."""
import subprocess

# The contract fixes this name, and promtool dislikes it whatever the metric's type is.
FIXED_BY_CONTRACT = "http_request_duration_summary metric name should not include type 'summary'"


def complaints(text):
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    lines = (checked.stdout + checked.stderr).splitlines()
    assert checked.returncode == 0 or lines, "promtool failed without a word"
    return [line for line in lines if line != FIXED_BY_CONTRACT]
