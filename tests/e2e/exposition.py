"""Reads Prometheus text exposition: just enough to compare figures, strict enough to notice a line that is none."""
import re
from collections import namedtuple

Sample = namedtuple("Sample", "name labels value")
LINE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: -?[\d.]+)?(?: # .*)?$')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)')
ESCAPES = {r"\n": "\n", r'\"': '"', r"\\": "\\"}


def unescape(text):
    return re.sub(r'\\[n"\\]', lambda match: ESCAPES[match.group()], text)


def parse(text):
    """The samples of an exposition, in its order; ValueError quotes a line that is not one."""
    samples = []
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        match = LINE.match(line)
        if not match or LABEL.sub("", match.group(2) or ""):
            raise ValueError(f"not a sample: {line!r}")
        labels = {name: unescape(value) for name, value in LABEL.findall(match.group(2) or "")}
        samples.append(Sample(match.group(1), labels, float(match.group(3))))
    return samples


def matches(sample, name, labels):
    """Prometheus' rule: a label that is absent equals the empty string."""
    return sample.name == name and all(sample.labels.get(key, "") == value for key, value in labels.items())


def total(samples, name, **labels):
    return sum(sample.value for sample in samples if matches(sample, name, labels))


def by(samples, name, keys, **labels):
    """Sums of one metric grouped by some of its labels: {(value of each key): sum}, zeros left out."""
    sums = {}
    for sample in samples:
        if matches(sample, name, labels) and sample.value:
            key = tuple(sample.labels.get(key, "") for key in keys)
            sums[key] = sums.get(key, 0) + sample.value
    return sums
