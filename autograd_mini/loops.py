# cython: annotation_typing=False, cdivision=True
"""Loops over numbers that lie side by side in the memory m, in words of which a C compiler makes vectors."""

from __future__ import annotations

from typing import Any


def inner(m: Any, x: int, by_x: int, z: int, by_z: int, n: int, rows: int, y: int, by_y: int) -> None:
    """In each row add to the number at y the sum of n products, of the numbers from x on with those from z on.

    From row to row, x, z and y move on by the steps behind them. The sum is kept in four variables, as a vector is.
    """
    for _ in range(rows):
        p = q = r = s = 0.0
        for i in range(n >> 2):
            j, k = x + (i << 2), z + (i << 2)
            p += m[j] * m[k]
            q += m[j + 1] * m[k + 1]
            r += m[j + 2] * m[k + 2]
            s += m[j + 3] * m[k + 3]
        for i in range(n & ~3, n):
            p += m[x + i] * m[z + i]
        m[y] += (p + q) + (r + s)
        x += by_x
        z += by_z
        y += by_y


def outer(m: Any, w: int, by_w: int, x: int, by_x: int, n: int, rows: int, y: int, by_y: int) -> None:
    """In each row add to n numbers from y on those from x on times the number at w."""
    for _ in range(rows):
        c = m[w]
        for i in range(n):
            m[y + i] += c * m[x + i]
        w += by_w
        x += by_x
        y += by_y


def mix(m: Any, w: int, by_w: int, x: int, by_x: int, n: int, rows: int, y: int) -> None:
    """Add to n numbers from y on, for each row, those from x on times the number at w.

    As outer() with one y for all rows: four rows at a time take half the loads and stores.
    """
    for i in range(rows >> 2):
        j, k = w + (i << 2) * by_w, x + (i << 2) * by_x
        a, b, c, d = m[j], m[j + by_w], m[j + 2 * by_w], m[j + 3 * by_w]
        for lane in range(n):
            m[y + lane] += (a * m[k + lane] + b * m[k + by_x + lane]) + (
                c * m[k + 2 * by_x + lane] + d * m[k + 3 * by_x + lane]
            )
    for i in range(rows & ~3, rows):
        c, k = m[w + i * by_w], x + i * by_x
        for lane in range(n):
            m[y + lane] += c * m[k + lane]


def add_products(m: Any, x: int, z: int, y: int, n: int) -> None:
    """Add n products to n sums."""
    for i in range(n):
        m[y + i] += m[x + i] * m[z + i]


def total(m: Any, x: int, n: int) -> float:
    """The sum of n numbers, kept in eight variables."""
    p = q = r = s = t = u = v = w = 0.0
    for i in range(n >> 3):
        j = x + (i << 3)
        p += m[j]
        q += m[j + 1]
        r += m[j + 2]
        s += m[j + 3]
        t += m[j + 4]
        u += m[j + 5]
        v += m[j + 6]
        w += m[j + 7]
    for i in range(x + (n & ~7), x + n):
        p += m[i]
    return ((p + q) + (r + s)) + ((t + u) + (v + w))


def finite(m: Any, start: int, n: int) -> bool:
    """Whether n numbers are."""
    odd = 0
    for i in range(start, start + n):
        odd += m[i] - m[i] != 0.0
    return odd == 0
