"""Owns the graph of tied pictures, and the cut where it would tie two splits together.

The nodes are pictures and hubs: one for each distinct hash and one for each declared group. A picture is tied to
its hubs, and hash hubs that lie near each other are linked, so that a thousand equal pictures are a thousand ties
and not a million.

Invariant: no row order matters, and every picture that is kept has one split. Does not know hashes or names.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from nightsort.schema import SPLITS

Bits = NDArray[np.uint8]
"""Sets of splits: bit i stands for SPLITS[i]. The later split outranks the earlier where both are declared."""
Rows = NDArray[np.int64]
Kept = NDArray[np.bool_]

_COLOURS = np.uint8(1) << np.arange(len(SPLITS), dtype=np.uint8)


class Ties:
    """N arriving pictures and what ties them.

    :param look: (N,) hub of the picture's hash, -1 without a hash; numbered in an order that rows do not decide
    :param group: (N,) hub of the picture's declared group, -1 without one; numbered likewise
    :param links: (L, 2) pairs of hash hubs that are near each other
    :param pull: (N,) splits of the pictures in the dataset that this picture is tied to
    :param declared: (N,) the split that is declared for the picture, 0 if none is
    """

    def __init__(self, look: Rows, group: Rows, links: Rows, pull: Bits, declared: Bits) -> None:
        self._looks = int(look.max(initial=-1)) + 1
        self._hubs = self._looks + int(group.max(initial=-1)) + 1
        self._look, self._group = look, np.where(group < 0, -1, group + self._looks)
        self._links = links
        self._wanted, self._declared = pull | declared, declared

    def cut(self) -> tuple[Kept, Rows, Bits]:
        """Leave out what ties two splits together.

        :returns: (N,) which pictures are kept; (N,) their component; (C,) the split of each component, 0 if free
        """
        kept = np.bitwise_count(self._wanted) <= 1
        while True:
            component = self._components(kept)
            bits = np.zeros(component.max(initial=-1) + 1, np.uint8)
            np.bitwise_or.at(bits, component[kept], self._wanted[kept])
            torn = kept & (np.bitwise_count(bits) > 1)[component]
            if not torn.any():
                return kept, component, bits
            kept &= ~self._bridging(torn)

    def _components(self, kept: Kept) -> Rows:
        """Connected components of the kept pictures; every other picture is alone."""
        count = len(kept)
        ends = [self._alive_links(kept) + count]
        for hub in (self._look, self._group):
            tied = np.flatnonzero(kept & (hub >= 0))
            ends.append(np.column_stack([tied, hub[tied] + count]))
        one, other = np.concatenate(ends).T
        graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(count + self._hubs,) * 2)
        found = connected_components(graph, directed=False)[1]
        return np.asarray(np.unique(found[:count], return_inverse=True)[1], np.int64)

    def _alive_links(self, kept: Kept) -> Rows:
        """Links between hash hubs that both have a kept picture."""
        alive = np.zeros(self._hubs, bool)
        alive[self._look[kept & (self._look >= 0)]] = True
        return self._links[alive[self._links].all(axis=1)]

    def _bridging(self, torn: Kept) -> Kept:
        """Pictures of torn components to leave out, so that no tie is left between two splits.

        Every hub takes the split that most of its pictures want, or of its nearest hubs; then the pictures go that
        want another than their hubs, and of linked hubs of two splits the pictures of the weaker.
        """
        split = self._hub_splits(torn)
        wants = np.stack([self._wanted, *(np.where(hub >= 0, split[hub], 0) for hub in (self._look, self._group))])
        out: Kept = torn & (np.bitwise_count(np.bitwise_or.reduce(wants)) > 1)
        links = self._alive_links(torn & ~out)
        links = links[split[links[:, 0]] != split[links[:, 1]]]
        weak = self._weaker(links, torn & ~out)
        out |= torn & (self._look >= 0) & weak[self._look]
        return out

    def _hub_splits(self, torn: Kept) -> Bits:
        """(hubs,) one split for each hub of the torn components, 0 for other hubs."""
        votes = np.zeros((self._hubs, len(SPLITS)))
        rank = np.arange(1, len(SPLITS) + 1) * (len(torn) + 1)  # a declared split outweighs any number of pictures
        for hub in (self._look, self._group):
            tied = torn & (hub >= 0)
            for place, colour in enumerate(_COLOURS):
                np.add.at(votes[:, place], hub[tied & (self._wanted == colour)], 1)
                firm = np.unique(hub[tied & (self._declared == colour)])
                votes[firm, place] += rank[place]
        split = _elect(votes)
        near = self._hub_graph(torn)
        last = np.flatnonzero(split)
        while len(last):  # only what got its split last has neighbours without one, so each link is looked at once
            links = near[last]
            free = split[links.indices] == 0
            colour = np.repeat(split[last], np.diff(links.indptr))[free]
            last, at = np.unique(links.indices[free], return_inverse=True)
            votes = np.zeros((len(last), len(SPLITS)))
            np.add.at(votes, at, (colour[:, None] == _COLOURS) * links.data[free, None])
            split[last] = _elect(votes)
        return split

    def _hub_graph(self, torn: Kept) -> csr_array:
        """Which hubs are next to each other: by a link, or by a picture that is tied to both."""
        both = torn & (self._look >= 0) & (self._group >= 0)
        one, other = np.concatenate([self._alive_links(torn), np.column_stack([self._look, self._group])[both]]).T
        ends = (np.concatenate([one, other]), np.concatenate([other, one]))
        return csr_array((np.ones(len(ends[0])), ends), shape=(self._hubs,) * 2)

    def _weaker(self, links: Rows, kept: Kept) -> Kept:
        """(hubs,) a cover of the links by hash hubs: without declared pictures first, then those in most links.

        In each round a hub goes that is weaker than every hub it is linked to, until no link is left.
        """
        tied = kept & (self._look >= 0)
        rank, pictures = np.zeros(self._hubs, np.uint8), np.bincount(self._look[tied], minlength=self._hubs)
        np.maximum.at(rank, self._look[tied], self._declared[tied])
        gone = np.zeros(self._hubs, bool)
        while len(links):
            order = np.lexsort((pictures, -np.bincount(links.ravel(), minlength=self._hubs), rank))
            strength = np.empty(self._hubs, np.int64)
            strength[order] = np.arange(self._hubs)  # lexsort is stable: at a tie the smaller hash goes first
            weaker = np.zeros(self._hubs, bool)
            weaker[links] = True
            weaker[links[np.arange(len(links)), strength[links].argmax(axis=1)]] = False
            gone |= weaker
            links = links[~gone[links].any(axis=1)]
        return gone


def _elect(votes: NDArray[np.float64]) -> Bits:
    """(H,) the split with most of the (H, splits) votes, the later at a tie; 0 without votes."""
    last = len(SPLITS) - 1 - votes[:, ::-1].argmax(axis=1)
    return np.where(votes.any(axis=1), _COLOURS[last], 0).astype(np.uint8)
