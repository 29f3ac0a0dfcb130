"""The base score of a CVSS 3.0 or 3.1 vector, and the word for it.

The weights and the equations are those of the Common Vulnerability Scoring System 3.1,
sections 7.1 and 7.4, its words those of section 5. The base scores of 3.0 are the same to
one decimal but for rounding, which 3.1 made exact. A vector of version 2 or 4 has no score here.
"""

from __future__ import annotations

_EXPLOITABILITY = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
}
_PRIVILEGES = {"N": (0.85, 0.85), "L": (0.62, 0.68), "H": (0.27, 0.5)}
"""Required privileges where the scope is unchanged, and where it changes."""
_IMPACT = {"H": 0.56, "L": 0.22, "N": 0.0}
_LONGEST = 300


def base_score(vector: str) -> float | None:
    """Return the base score (0 to 10) of a CVSS 3 vector, ``None`` for any other text."""
    head, *parts = vector[:_LONGEST].split("/")
    if head not in ("CVSS:3.0", "CVSS:3.1"):
        return None
    metrics = dict(part.split(":", 1) for part in parts if ":" in part)
    try:
        changed = {"U": False, "C": True}[metrics["S"]]
        exploitability = 8.22 * _PRIVILEGES[metrics["PR"]][changed]
        for name, weights in _EXPLOITABILITY.items():
            exploitability *= weights[metrics[name]]
        spared = 1.0
        for name in ("C", "I", "A"):
            spared *= 1 - _IMPACT[metrics[name]]
    except KeyError:
        return None
    lost = 1 - spared
    impact = 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15 if changed else 6.42 * lost
    if impact <= 0:
        return 0.0
    return _rounded_up(min((1.08 if changed else 1.0) * (impact + exploitability), 10.0))


def _rounded_up(value: float) -> float:
    """Return the smallest number with one decimal that is not less, free of float noise."""
    scaled = round(value * 100_000)
    return scaled / 100_000 if scaled % 10_000 == 0 else (scaled // 10_000 + 1) / 10


def word(score: float) -> str:
    """Return the severity that a base score stands for; one without any impact is low."""
    for least, severity in ((9.0, "critical"), (7.0, "high"), (4.0, "medium")):
        if score >= least:
            return severity
    return "low"
