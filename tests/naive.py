"""Naive twins: every vectorised formula of the core once more, with plain floats and loops, one row at a time.

They define what the numbers are; the vectorised code has to agree to the rounding of float32. A value of None is what
NaN is in the arrays: no sample, no opinion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

Maybe = float | None


def clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def share_of_update(keep: float, learnt: float) -> float:
    """By how much a decayed mean moves: 1/n while young, then 1 - keep."""
    return max(1 - keep, 1 / (learnt + 1))


# -- expectation (algorithms, section 2) -----------------------------------------------------------------------------


def seasonal_phase(t_ms: int, interval_ms: int, bucket_ms: int, slots: int) -> tuple[int, int, float]:
    """Slots before and after the tick's middle, and the weight of the second."""
    x = ((t_ms + interval_ms / 2) % (slots * bucket_ms)) / bucket_ms - 0.5
    i = math.floor(x)
    return i % slots, (i + 1) % slots, x - i


def seasonal_expectation(ell: float, season: Sequence[float], phase: tuple[int, int, float], gauge: bool) -> float:
    i, j, w = phase
    x = ell + (1 - w) * season[i] + w * season[j]
    return x if gauge else math.exp(x)


Bucket = tuple[float, float, float, float, int]  # weighted and plain sums of samples and expectations, hot ticks


def bucket_sums(y: Sequence[Maybe], mu: Sequence[float], rate: Sequence[float], gauge: bool) -> Bucket:
    acc_y = acc_m = raw_y = raw_m = 0.0
    hot = 0
    for sample, expected, g in zip(y, mu, rate, strict=True):
        if sample is None:
            hot += 1
            continue
        hot += g < 1
        one = 1.0 if gauge else expected
        came = sample - expected if gauge else sample
        acc_y, acc_m = acc_y + g * came, acc_m + g * one
        raw_y, raw_m = (raw_y + came, raw_m + one) if g > 0 else (raw_y, raw_m)
    return acc_y, acc_m, raw_y, raw_m, hot


def bucket_steps(
    previous: float, y: Sequence[Maybe], mu: Sequence[float], rate: Sequence[float], sig2: float, *, gauge: bool,
    bucket_ms: float, level_half_life_ms: float, parent: Bucket | None = None,
) -> tuple[float, float, float]:  # fmt: skip
    """Steps of level and slot and what the slot leaves for next week, after a bucket of these samples.

    With `parent`, the sums of the row's parent, the row is set against what it would be had it moved as its parent did,
    and `sig2` is its variance around its siblings. The parent's own steps come on top.
    """
    acc_y, acc_m, raw_y, raw_m, hot = bucket_sums(y, mu, rate, gauge)
    n = len(y)
    if gauge:
        c = 3 * math.sqrt(sig2)
        shrunk, raw, free = acc_y / (acc_m + n / 4), raw_y / (raw_m + n / 4), acc_y / max(acc_m, 1)
        most = 30 * c
    else:
        counting, most = 1 / (acc_m + 1), 1.5
        if parent is not None:
            counting += 1 / (parent[1] + 1)
            acc_m, raw_m = acc_m * (parent[0] + 1) / (parent[1] + 1), raw_m * (parent[2] + 1) / (parent[3] + 1)
        c = 3 * math.sqrt(sig2 + counting)
        shrunk, raw = math.log((acc_y + 60) / (acc_m + 60)), math.log((raw_y + 60) / (raw_m + 60))
        free = math.log((acc_y + 2) / (acc_m + 2))
    step = 0.0 if hot > 0.2 * n else clip(shrunk, -c / 2, c / 2)
    raw = clip(raw, -most, most)
    both = 0.0
    if raw * previous > 0:
        both = raw if abs(raw) < abs(previous) else previous
    if abs(both) < c / 2:
        both = 0.0
    moved = math.log(2) * bucket_ms / level_half_life_ms * clip(free, -c, c)
    return moved, 0.15 * step + 0.6 * both, raw - 0.6 * both


# -- forecast residual and derivative (sections 3 and 4) -------------------------------------------------------------


def decayed_sums(y: Sequence[Maybe], mu: Sequence[float], lam: float, whitening: float = 0.02) -> tuple[float, float]:
    """Ye and Me after the samples: weighted decayed sums, scaled so that Me is the variance of Ye for Poisson counts.

    A tick weighs 1/(1 + whitening mu); a missing sample counts as expected. With whitening 0 and constant mu the scale
    is 1 + lam.
    """
    Y = M = Q = 0.0
    for sample, expected in zip(y, mu, strict=True):
        weight = 1 / (1 + whitening * expected)
        Y = lam * Y + weight * (expected if sample is None else sample)
        M = lam * M + weight * expected
        Q = lam**2 * Q + weight**2 * expected
    return Y * M / Q, M * M / Q


def log_deviation(Ye: float, Me: float) -> float:
    return math.log((Ye + 1) / (Me + 1))


def counting_variance(Me: float) -> float:
    return 1 / (Me + 1)


def residual_z(Ye: float, Me: float, phi: float) -> float:
    """Signed root of the negative binomial deviance; quadratic where it would cancel."""
    if abs(Ye / Me - 1) < 0.05:
        return (Ye - Me) / math.sqrt(Me + phi * Me * Me)
    first = Ye * math.log(Ye / Me) if Ye > 0 else 0.0
    dev = 2 * (first - (Ye + 1 / phi) * math.log((1 + phi * Ye) / (1 + phi * Me)))
    return math.copysign(math.sqrt(max(dev, 0)), Ye - Me)


def learnt_variance(
    sig2: float, deviation: float, known: float, keep: float, learnt: float, rate: float, floor: float
) -> float:
    """sig2 follows what is left of the squared deviation after `known` variance, bounded at nine variances."""
    excess = min(deviation**2, 9 * (known + sig2)) - known - sig2
    return max(sig2 + share_of_update(keep, learnt) * rate * excess, floor)


def derivative_z(short: float, middle: float, variance: float, sig2: float, event_variance: float = 0.0) -> float:
    return (short - middle) / math.sqrt(0.8 * variance + sig2 + event_variance)


# -- contrasts (section 5) -------------------------------------------------------------------------------------------


def common_factor(
    x: Sequence[Maybe], known: Sequence[float], pe2: Sequence[float], factor: float
) -> tuple[float, list[Maybe], list[float]]:
    """The group's common movement; what the others did without each row; the variance of row and others.

    Two robust steps from the last tick's factor. Two rows are a pair: no step is cut. None: alone, or no sample.
    """
    total = [k + p for k, p in zip(known, pe2, strict=True)]
    weight = [0.0 if value is None else 1 / v for value, v in zip(x, total, strict=True)]
    here = [i for i, value in enumerate(x) if value is not None]
    d = sum(weight)
    others: list[Maybe] = [None] * len(x)
    for _ in range(2):
        pulls = [0.0] * len(x)
        for i in here:
            value = x[i]
            assert value is not None
            reach = math.inf if len(here) < 3 else 2.5 * math.sqrt(total[i])
            pulls[i] = weight[i] * clip(value - factor, -reach, reach)
        n = sum(pulls)
        for i in here:
            rest = d - weight[i]
            others[i] = factor + (n - pulls[i]) / rest if len(here) > 1 else None
        factor += n / d if d > 0 else 0.0
    noise = [k + 1 / (d - w) if d - w > 0 else math.inf for k, w in zip(known, weight, strict=True)]
    return factor, others, noise


def contrast_residual(x: float, other: float, me: float, cxy: float, cxx: float) -> float:
    return x - clip(cxy / cxx, 0.2, 1.6) * other - me


def contrast_z(
    x: float, other: float, noise: float, pe2: float, me: float, cxy: float, cxx: float, *, pair: bool,
    doubt: Sequence[float] = (0.0, 0.0),
) -> float:  # fmt: skip
    scale = math.sqrt(pe2 + noise + loading_variance(doubt) * other**2)
    return contrast_residual(x, other, me, cxy, cxx) / (2 * scale if pair else scale)


def loading_variance(doubt: Sequence[float]) -> float:
    """.2² as the mean of 200 earlier weights, from .03² to .2²."""
    return clip((doubt[0] + 0.2**2 * 200) / (doubt[1] + 200), 0.03**2, 0.2**2)


def loading_doubt(
    doubt: Sequence[float], rows: Sequence[tuple[float, float, float, float]], keep: float
) -> tuple[float, float]:
    """Decayed sums of w o² (e² - v) and w o⁴, w = 1/v²: means over the rows that moved by three deviations and more.

    `rows`: residual e, other o, variance v, rate of each.
    """
    moved = [row for row in rows if row[1] ** 2 >= 9 * row[2]]
    excess = [rate * o**2 / v**2 * (min(e**2, 9 * v) - v) for e, o, v, rate in moved]
    weight = [rate * o**4 / v**2 for _, o, v, rate in moved]
    return doubt[0] * keep + fmean(excess or [0.0]), doubt[1] * keep + fmean(weight or [0.0])


def learn_contrast(
    x: float, other: float, noise: float, pe2: float, me: float, cxy: float, cxx: float, *, rate: float, learnt: float,
    keep: float, drift_keep: float, floor: float, cut: float = 3.0,
) -> tuple[float, float, float, float]:  # fmt: skip
    """New pe2, me, cxy, cxx. A residual's say in pe2 ends at `cut` deviations; a normal one leaves that as it is."""
    total = noise + pe2
    share, sd = pe2 / total, math.sqrt(total)
    e = contrast_residual(x, other, me, cxy, cxx)
    step = clip(e, -3 * sd, 3 * sd) * share_of_update(drift_keep, learnt) * rate * share
    if abs(e) > 4 * sd:
        step *= 0.1
    beyond = math.erfc(cut / math.sqrt(2))
    kept = 1 - beyond - 2 * cut * math.exp(-cut * cut / 2) / math.sqrt(2 * math.pi) + cut * cut * beyond
    said = min(e * e, cut * cut * total) / kept
    new_pe2 = max(pe2 + share_of_update(keep, learnt) * rate * (said - total), floor)
    slow = (1 - keep) * rate * share
    xs, others = clip(x - e + clip(e, -2 * sd, 2 * sd), -0.5, 0.5), clip(other, -0.5, 0.5)
    return new_pe2, me + step, cxy + slow * (xs * others + 4e-5 - cxy), cxx + slow * (others**2 + 4e-5 - cxx)


# -- runs (section 6) ------------------------------------------------------------------------------------------------


def zero_run(y: Sequence[Maybe], mu: Sequence[float], phi: float = 0.02) -> float:
    """Nats: minus the log of the chance of as many zeros as there are at the end."""
    run = 0.0
    for sample, expected in zip(y, mu, strict=True):
        if sample is not None:
            run = run + math.log(1 + phi * expected) / phi if sample == 0 else 0.0
    return run


def stuck_run(y: Sequence[Maybe], mu: Sequence[float]) -> float:
    """Nats: minus the log of the chance that Poisson draws repeat as the last ones did."""
    run, last = 0.0, None
    for sample, expected in zip(y, mu, strict=True):
        if sample is None:
            continue
        same = sample == last and sample != 0
        run = run + math.log(max(2 * math.sqrt(math.pi * expected), 1.05)) if same else 0.0
        last = sample
    return run


# -- calibration (section 7) -----------------------------------------------------------------------------------------


def surprise(z: float, scale: float, a: float, b: float) -> float:
    return math.copysign(min(a * max(abs(z) / scale, 1e-6) ** b, 15.0), z)


def worst_hours(z: Sequence[Maybe], block: int, start: float = 2.5) -> float:
    """Running 0.9 quantile of the largest |z| of each block, by steps up and down of its logarithm."""
    worst = start
    for blocks, first in enumerate(range(0, len(z) - block + 1, block)):
        seen = [abs(value) for value in z[first : first + block] if value is not None]
        step = max(0.03, 1 / (1 + blocks / 3))
        if seen and max(seen) > 0:
            worst *= math.exp(step * (0.9 if max(seen) > worst else -0.1))
    return worst


def histogram_bin(size: float, low: float = 0.2, high: float = 60.0, bins: int = 64) -> int:
    """Which of the log-spaced bins holds |z|."""
    if size <= low:
        return 0
    return int(clip(math.floor(math.log(size / low) / math.log(high / low) * bins), 0, bins - 1))


def exceeded_with(hist: Sequence[float], total: float, p: float, low: float = 0.2, high: float = 60.0) -> Maybe:
    """Log of the size exceeded with probability p, log-linear inside a bin; None where too little was seen."""
    bins = len(hist)
    step = math.log(high / low) / bins
    above = [sum(hist[k:]) / total for k in range(bins)]
    enough = [k for k in range(bins) if above[k] >= p]
    if total * p < 5 or not enough or enough[-1] == bins - 1:
        return None
    k = enough[-1]
    if above[k + 1] > 0:
        share = math.log(above[k] / p) / math.log(above[k] / above[k + 1])
    else:
        share = (above[k] - p) / above[k]
    return math.log(low) + (k + clip(share, 0, 1)) * step


def weibull_tail(
    log_sizes: Sequence[Maybe], p: Sequence[float] = (0.1, 0.05, 0.02, 0.01, 0.005)
) -> tuple[float, float]:
    """a and b of -log10 p = a size^b, by least squares of log(-log10 p) on log size."""
    points = [
        (max(q, math.log(0.05)), math.log(-math.log10(chance)))
        for q, chance in zip(log_sizes, p, strict=True)
        if q is not None
    ]
    if len(points) < 2:
        return 0.7, 1.3
    mean_q, mean_y = fmean(q for q, _ in points), fmean(y for _, y in points)
    sxx = sum((q - mean_q) ** 2 for q, _ in points)
    sxy = sum((q - mean_q) * (y - mean_y) for q, y in points)
    b = clip(sxy / sxx if sxx > 1e-9 else 1.3, 0.9, 2.2)
    return math.exp(mean_y - b * mean_q), b


# -- combination, episodes, budget (section 8) -----------------------------------------------------------------------


def onset_memory(surprises: Sequence[Maybe], keep: float, sign: int) -> float:
    """Decayed maximum of the derivative's surprise in one direction."""
    memory = 0.0
    for s in surprises:
        memory *= keep
        if s is not None:
            memory = max(memory, sign * s)
    return memory


def combined(residual: Maybe, derivative: Maybe, contrast: Maybe, weight: float) -> Maybe:
    """Signed c: the contrast leads, magnitude and onset support; without peers the residual leads."""
    if contrast is None:
        if residual is None:
            return None
        sign = math.copysign(1, residual) if residual else 0
        support = max(sign * derivative - 1, 0) if derivative is not None else 0.0
        return sign * (abs(residual) + weight * support)
    if abs(contrast) < 2:
        return 0.0
    sign = math.copysign(1, contrast)
    support = max(sign * residual - 1, 0) if residual is not None else 0.0
    support += max(sign * derivative - 1, 0) if derivative is not None else 0.0
    return sign * (abs(contrast) + weight * support)


def episode(hot: Sequence[int], alive: Sequence[bool], exit_ticks: int) -> list[int]:
    """Sign of the episode after each tick: in when hot in two of three ticks, out when calm for `exit_ticks`."""
    signs, sign, calm = [], 0, 0
    for t, now in enumerate(hot):
        if sign == 0:
            if now != 0 and sum(h != 0 for h in hot[max(0, t - 2) : t + 1]) >= 2:
                sign, calm = now, 0
        else:
            calm = 0 if alive[t] else calm + 1
            if calm >= exit_ticks:
                sign, calm = 0, 0
        signs.append(sign)
    return signs


def openings(loudest: Sequence[Sequence[float]], level: float, exit_ticks: int, keep: float) -> float:
    """How often groups rose above a level after so many calm ticks; older ticks count ever less."""
    count = 0.0
    calm = [exit_ticks] * len(loudest[0])
    for tick in loudest:
        count *= keep
        for group, c in enumerate(tick):
            above = c >= level  # NaN is not
            count += above and calm[group] >= exit_ticks
            calm[group] = 0 if above else calm[group] + 1
    return count


def budget_threshold(
    levels: Sequence[float], opened: Sequence[float], now: float, bounds: tuple[float, float], wanted: float
) -> float:
    """Level at which openings are as frequent as wanted, by an exponential law next to it.

    What opens a level and also the one eight places (4.0) above it is real and is not counted.
    """
    n = len(levels)
    false = [max(opened[k] - opened[min(k + 8, n - 1)], 0.0) for k in range(n)]
    top = max(range(n), key=lambda k: false[k])
    if false[top] <= wanted:
        return bounds[0]
    near = [k for k in range(top, n) if false[k] >= max(wanted, 4.0)][-3:]
    if not near:
        return now
    slope = -1.0
    if len(near) >= 2:
        x, y = [levels[k] for k in near], [math.log(false[k]) for k in near]
        mx, my = fmean(x), fmean(y)
        slope = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sum((a - mx) ** 2 for a in x)
        slope = min(slope, -0.1)
    return clip(levels[near[-1]] + math.log(wanted / false[near[-1]]) / slope, *bounds)


# -- localisation, witnesses, events (sections 9 to 11) --------------------------------------------------------------


def cuboid_score(x: Sequence[float], v: Sequence[float], cuboids: int, penalty: float = 8.0) -> float:
    """Log likelihood that a cuboid of these leaves moved as one, less penalties; `cuboids` of its level there are."""
    w = [1 / value for value in v]
    total = sum(w)
    m = sum(wi * xi for wi, xi in zip(w, x, strict=True)) / total
    gain = 0.5 * m * m * total
    spread = sum(wi * (xi - m) ** 2 for wi, xi in zip(w, x, strict=True))
    het = max(0.5 * spread - 0.75 * len(x), 0)
    return gain - min(0.5 * het, 0.9 * gain) - penalty - math.log(cuboids)


def witness_ratio(z: float, moved: float) -> float:
    """Log likelihood ratio of one witness: it moved with us by some elasticity, against nothing happened to it."""

    def calm_density(value: float) -> float:
        t = value / 1.3
        normaliser = math.gamma(2) / (math.sqrt(3 * math.pi) * math.gamma(1.5))
        return normaliser * (1 + t * t / 3) ** -2 / 1.3

    def normal_density(value: float, mean: float, variance: float) -> float:
        return math.exp(-((value - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)

    calm = calm_density(z)
    together = fmean(normal_density(z, g * moved, 1 + (0.25 * g * moved) ** 2) for g in (0.25, 0.45, 0.65, 0.9, 1.15))
    return clip(math.log((0.25 * calm + 0.75 * together) / calm), -1.5, 4.0)


def amplitude_update(
    mean: float, variance: float, odds: float, observed: float, h: float, r: float, prior: tuple[float, float],
    envelope: tuple[float, float],
) -> tuple[float, float, float]:  # fmt: skip
    """One step of the Kalman filter of an event's amplitude, and of the log odds that it is on.

    `observed` is the log deviation from the expectation with the event in it; `r` its variance with dependence in it.
    """
    x = observed + (mean * h if odds > 0 else 0.0)
    if h > 0.5:
        ratio = (x**2 - (x - mean * h) ** 2) / (2 * r)
        odds = clip(odds + clip(ratio, -15, 15) / 15, -4, 6)
    gain = variance * h / (h * h * variance + r)
    bound = 4 * math.sqrt(h * h * variance + r)
    low = max(envelope[0], prior[0] - 3.5 * math.sqrt(prior[1]))
    high = min(envelope[1], prior[0] + 3.5 * math.sqrt(prior[1]))
    moved = clip(mean + gain * clip(x - mean * h, -bound, bound), low, high)
    return moved, max(variance * (1 - gain * h) + 0.02**2 / 10, 0.03**2), odds
