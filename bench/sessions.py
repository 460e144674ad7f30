"""Recall@20 of the next item: reco's answers beside session neighbours, with intervals by session.

    sessions.py events.csv reco.csv ...

events.csv: is_test, session, item, seconds, by session and time.  reco.csv: session, place, rank (0: not among the 20);
one file a seed.  The neighbours are those of session-rec with its defaults, made anew here:

    item-kNN        cosine of items over sessions, regularized: pairs / sqrt((n_i + 20) (n_j + 20)); the last item asks
    item-kNN, seen  the same, and what the session has seen comes first, newest first
    S-KNN           100 nearest of the 500 newest sessions with an item in common, by cosine (Jannach and Ludewig 2017)
    V-SKNN          the same, where newer items of the session count more (Ludewig and Jannach 2018)

Of sessions equally near the newer one counts, where session-rec takes any.
"""
import csv
import math
import random
import sys
from collections import Counter, defaultdict

K = 20


def read_events(path):
    past, asked = defaultdict(list), defaultdict(list)
    for is_test, session, item, at in csv.reader(open(path)):
        (asked if is_test == "1" else past)[int(session)].append((float(at), int(item)))
    past = [([item for _, item in events], events[-1][0]) for events in past.values()]
    known = {item for items, _ in past for item in items}
    return past, {session: [item for _, item in events] for session, events in asked.items()}, known


class ItemKnn:
    def __init__(self, past, seen_first):
        self.pairs, self.count = defaultdict(Counter), Counter()
        for items, _ in past:
            self.count.update(items)
            for item in items:
                self.pairs[item].update(items)
        self.seen_first = seen_first

    def scores(self, seen):
        last = seen[-1]
        scores = {item: n / math.sqrt((self.count[item] + 20) * (self.count[last] + 20))
                  for item, n in self.pairs[last].items() if item != last}
        if self.seen_first:
            for place, item in enumerate(seen):
                scores[item] = 10 + place
        return scores


class SessionKnn:
    def __init__(self, past, vector):
        self.vector = vector
        self.sets = [set(items) for items, _ in past]
        self.at = [at for _, at in past]
        self.having = defaultdict(list)
        for session, items in enumerate(self.sets):
            for item in items:
                self.having[item].append(session)

    def scores(self, seen):
        scores, distinct, found = Counter(), set(seen), []
        newness = {item: (place + 1) / len(seen) for place, item in enumerate(seen)}
        near = {s for item in distinct for s in self.having[item]}
        for s in sorted(near, key=lambda s: (-self.at[s], s))[:500]:
            common = distinct & self.sets[s]
            if self.vector:
                found.append((sum(newness[i] for i in common) / len(distinct), s))
            else:
                found.append((len(common) / math.sqrt(len(distinct) * len(self.sets[s])), s))
        for likeness, s in sorted(found, key=lambda f: (-f[0], -self.at[f[1]]))[:100]:
            if self.vector:
                likeness /= next(step for step, i in enumerate(reversed(seen), 1) if i in self.sets[s])
            for item in self.sets[s]:
                scores[item] += likeness
        return scores


def is_hit(scores, wanted):
    """Whether an item is among the K best; ties by the mean rank."""
    score = scores.get(wanted, 0)
    if score <= 0:
        return 0
    above = sum(s > score for s in scores.values())
    ties = sum(s == score for s in scores.values()) - 1
    return int(above + ties // 2 < K)


def hits_of(method, asked, known):
    """1 or 0 for each (session, place)."""
    hits = {}
    for session, items in asked.items():
        for place in range(1, len(items)):
            seen = [item for item in items[:place] if item in known]
            hits[session, place + 1] = is_hit(method.scores(seen), items[place]) if seen else 0
    return hits


def mean(values):
    return sum(values) / len(values)


def interval(differences, draws=1000):
    """95 % of the mean's bootstrap by session."""
    by_session = defaultdict(list)
    for (session, _), difference in differences.items():
        by_session[session].append(difference)
    sums = [(sum(d), len(d)) for d in by_session.values()]
    chance = random.Random(1)
    means = []
    for _ in range(draws):
        drawn = chance.choices(sums, k=len(sums))
        means.append(sum(d for d, _ in drawn) / sum(n for _, n in drawn))
    means.sort()
    return means[int(0.025 * draws)], means[int(0.975 * draws) - 1]


def main():
    past, asked, known = read_events(sys.argv[1])
    answers = []
    for path in sys.argv[2:]:
        answers.append({(int(s), int(p)): int(0 < int(r) <= K) for s, p, r in csv.reader(open(path))})
    reco = {key: mean([a[key] for a in answers]) for key in answers[0]}
    print(f"{len(past)} sessions to learn from, {len(known)} items; {len(asked)} sessions asked, {len(reco)} beginnings")
    print("recall@20       " + " ".join(f"{mean(a.values()):.4f}" for a in answers) + "   reco, by seed")
    methods = {"item-kNN": ItemKnn(past, False), "item-kNN, seen": ItemKnn(past, True),
               "S-KNN": SessionKnn(past, False), "V-SKNN": SessionKnn(past, True)}
    for name, method in methods.items():
        hits = hits_of(method, asked, known)
        difference = {key: reco[key] - hits[key] for key in reco}
        low, high = interval(difference)
        print(f"{name:15s} {mean(hits.values()):.4f}   reco is better by {mean(difference.values()):+.4f} [{low:+.4f}, {high:+.4f}]")


main()
