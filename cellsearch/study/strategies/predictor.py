"""Predictor-guided mutation: of many children of the best, the one that a model of all that was seen thinks best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from cellsearch.cell import Cell, family
from cellsearch.errors import CellError
from cellsearch.space import SearchSpace
from cellsearch.space.crossover import crossover
from cellsearch.space.mutation import mutate
from cellsearch.study.record import Proposal, Record, standing
from cellsearch.study.strategies.features import features
from cellsearch.study.strategies.interface import members
from cellsearch.study.strategies.random import RandomMutation

__all__ = ["PredictorGuided"]


@dataclass(frozen=True)
class PredictorGuided:
    """A Bayesian linear model of the graph's Weisfeiler-Leman counts ranks children; one draw of it decides.

    As in BANANAS (White, Neiswanger & Savani 2021, AAAI) children of the best are ranked by a draw of a model of all
    trials (Thompson sampling); the model is that of NAS-BOWL with a linear kernel (Ru et al. 2021, ICLR). It learns the
    order in which cells stand, made normal, so that one that went wrong weighs no more than the worst other. The first
    `startup` cells are mutants of the seeds; then `children` of the `parents` best are compared, some of them after two
    edits and a share of `crossed` by crossover. The model learns from the `memory` best and latest trials.
    """

    seeds: Sequence[Cell]
    space: SearchSpace
    startup: int = 10
    children: int = 50
    parents: int = 10
    crossed: float = 0.1
    memory: int = 1_000

    def propose(self, history: Sequence[Record], lower_is_better: bool, random: Random) -> Proposal:
        """The child that the draw of the model likes best."""
        scored = members(history, self.space)
        best_first = sorted(scored, key=lambda record: standing(record, lower_is_better))
        children = []
        if len(scored) >= self.startup:
            children = self._children(best_first[: self.parents], {record.family for record in history}, random)
        if not children:
            return RandomMutation(self.seeds, self.space).propose(history, lower_is_better, random)
        known = list({r.number: r for r in [*best_first[: self.memory // 2], *scored[-self.memory // 2 :]]}.values())
        standings = [standing(record, lower_is_better) for record in known]
        place = {each: i for i, each in enumerate(sorted(set(standings)))}
        places = np.array([place[each] for each in standings])
        predicted = _draw([record.cell for record in known], places, [child.cell for child in children], random)
        return children[int(np.argmin(predicted))]

    def _children(self, parents: Sequence[Record], known: set[str], random: Random) -> list[Proposal]:
        """Cells of new families, one of each."""
        found = dict[str, Proposal]()
        for _ in range(self.children):
            try:
                child = self._child(parents, random)
            except CellError:
                continue
            if (which := family(child.cell)) not in known:
                found.setdefault(which, child)
        return list(found.values())

    def _child(self, parents: Sequence[Record], random: Random) -> Proposal:
        parent = parents[min(int(random.expovariate(4 / len(parents))), len(parents) - 1)]
        if random.random() < self.crossed and len(parents) > 1:
            other = random.choice([record for record in parents if record is not parent])
            cell, words = crossover(parent.cell, other.cell, self.space, random)
            return Proposal(cell, (parent.number, other.number), (words,))
        cell, edits = parent.cell, []
        for _ in range(random.choice((1, 1, 2))):
            cell, words = mutate(cell, self.space, random)
            edits.append(words)
        return Proposal(cell, (parent.number,), tuple(edits))


def _draw(known: Sequence[Cell], places: NDArray[np.int64], new: Sequence[Cell], random: Random) -> NDArray[np.float64]:
    """Where the new cells would stand, low for the best, by one draw of the model at all of them together.

    The Bayesian linear model in its dual form, a Gaussian process with the features' dot products as its kernel
    (Rasmussen & Williams 2006, section 2.1), so that its cost depends on the trials and not on their thousands of
    features. In the kernel's eigenvectors the evidence of a noise is a sum, which its best value maximizes.
    """
    # Imported here, for they take a second that no other strategy should wait.
    from scipy.linalg import eigh
    from scipy.optimize import minimize_scalar
    from scipy.stats import norm, rankdata

    wanted = norm.ppf((rankdata(places) - 0.5) / len(places))
    kernel, across, among = _kernels(known, new)
    strengths, directions = eigh(kernel)
    strengths = np.maximum(strengths, 0) + 1e-9 * max(1.0, strengths[-1])
    projected = directions.T @ wanted

    def surprise(log_noise: float) -> float:
        """Minus twice the log evidence, at the signal that is best with so much noise beside it."""
        spread = strengths + np.exp(log_noise)
        return float(len(wanted) * np.log(np.mean(projected**2 / spread)) + np.log(spread).sum())

    middle = np.log(strengths.mean())
    noise = np.exp(minimize_scalar(surprise, bounds=(middle - 12, middle + 12), method="bounded").x)
    spread = strengths + noise
    signal = np.mean(projected**2 / spread)
    onto = across @ directions
    mean = onto @ (projected / spread)
    covariance = signal * (among - (onto / spread) @ onto.T)
    generator = np.random.default_rng(random.getrandbits(64))
    return np.asarray(generator.multivariate_normal(mean, covariance, method="eigh", check_valid="ignore"))


def _kernels(
    known: Sequence[Cell], new: Sequence[Cell]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Dot products of features, centred on the known cells and scaled by their deviations.

    Known by known, new by known, new by new.
    """
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.preprocessing import StandardScaler

    vectorizer, scaler = DictVectorizer(), StandardScaler(with_mean=False)
    seen = scaler.fit_transform(np.log1p(vectorizer.fit_transform([features(cell) for cell in known])))
    unseen = scaler.transform(np.log1p(vectorizer.transform([features(cell) for cell in new])))
    middle = np.asarray(seen.mean(0)).ravel()
    own, others, square = seen @ middle, unseen @ middle, middle @ middle
    kernel = (seen @ seen.T).toarray() - own[:, None] - own + square
    across = (unseen @ seen.T).toarray() - others[:, None] - own + square
    among = (unseen @ unseen.T).toarray() - others[:, None] - others + square
    return kernel, across, among
