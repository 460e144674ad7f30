"""What bench/peers asks of programs outside the database: implicit, LightFM, and the route out of it and back.

    peers.py versions
    peers.py iterations FILE FACTORS ITERATIONS THREADS cg|exact
    peers.py outside TABLE FACTORS ITERATIONS THREADS STATE
    peers.py recommend STATE THREADS
    peers.py single STATE REQUESTS
    peers.py vectors TABLE FACTORS ITERATIONS THREADS ITEM_TABLE USER_TABLE
    peers.py planted FACTORS ITERATIONS THREADS implicit|lightfm
    peers.py epoch FILE FACTORS EPOCHS THREADS

The database is the one that PG* names; it is read and written by psql and COPY (FORMAT binary), since that is the
fastest way there is.  Each command prints one line: wall and CPU seconds (its own and psql's; the server's are counted by
bench/peers), then what belongs to it.  Loading modules and, but for the outside route, data is not counted.
"""
import resource
import subprocess
import sys
import time

import numpy as np
import scipy.sparse as sp


class Stopwatch:
    """Wall and CPU seconds since it was made, those of ended child processes included."""

    def __init__(self):
        self.wall, self.cpu = time.monotonic(), self.cpu_now()

    @staticmethod
    def cpu_now():
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    def read(self, parts=1):
        return f"{(time.monotonic() - self.wall) / parts:.6f} {(self.cpu_now() - self.cpu) / parts:.6f}"


# ---- The database ---------------------------------------------------------------------------------------------------

def psql(command, data=None):
    """Runs one command; returns what it wrote."""
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", command], input=data, stdout=subprocess.PIPE, check=True)
    return done.stdout


def copy_out(query, widths):
    """Columns of a query without NULLs, integers of the given widths (8: bigint, 4: integer)."""
    raw = psql(f"COPY ({query}) TO STDOUT (FORMAT binary)")
    fields = [("count", ">i2")]
    for i, width in enumerate(widths):
        fields += [(f"length{i}", ">i4"), (f"value{i}", f">i{width}")]
    row = np.dtype(fields)
    header = 19                     # signature, flags, length of the extension; the trailer is 2 bytes
    rows = np.frombuffer(raw, dtype=row, offset=header, count=(len(raw) - header - 2) // row.itemsize)
    return [rows[f"value{i}"].astype(np.int64) for i in range(len(widths))]


def copy_in(table, row, n, columns):
    """COPY FROM of n rows, whose fields are given; the others are counts and lengths with constant values in the dtype."""
    rows = np.zeros(n, dtype=row)
    for name, value in columns.items():
        rows[name] = value
    header = b"PGCOPY\n\xff\r\n\0" + bytes(8)
    psql(f"COPY {table} FROM STDIN (FORMAT binary)", header + rows.tobytes() + b"\xff\xff")


def factors_back(table, ids, factors):
    """A table of (id bigint PRIMARY KEY, factors real[])."""
    f = factors.shape[1]
    element = np.dtype([("length", ">i4"), ("value", ">f4")])
    row = np.dtype([("count", ">i2"), ("length_id", ">i4"), ("id", ">i8"), ("length_array", ">i4"), ("dimensions", ">i4"),
                    ("nulls", ">i4"), ("type", ">i4"), ("size", ">i4"), ("first", ">i4"), ("elements", element, (f,))])
    elements = np.zeros((len(ids), f), dtype=element)
    elements["length"] = 4
    elements["value"] = factors
    psql(f"DROP TABLE IF EXISTS {table}")
    psql(f"CREATE TABLE {table} (id bigint, factors real[])")
    copy_in(table, row, len(ids), {"count": 2, "length_id": 8, "id": ids, "length_array": 20 + 8 * f, "dimensions": 1,
                                   "nulls": 0, "type": 700, "size": f, "first": 1, "elements": elements})
    psql(f"ALTER TABLE {table} ADD PRIMARY KEY (id)")


# ---- Matrices -------------------------------------------------------------------------------------------------------

def read_matrix(path):
    """What iteration.c wrote."""
    users, items, entries = np.fromfile(path, dtype=np.int64, count=3)
    start = np.fromfile(path, dtype=np.int64, offset=24, count=users + 1)
    index = np.fromfile(path, dtype=np.int32, offset=24 + 8 * (users + 1), count=entries)
    return sp.csr_matrix((np.ones(entries, dtype=np.float32), index, start), shape=(users, items))


def matrix_of(users, items):
    """Ids in order, and how often each pair of them occurs."""
    user_ids, user = np.unique(users, return_inverse=True)
    item_ids, item = np.unique(items, return_inverse=True)
    pairs = sp.coo_matrix((np.ones(len(user), dtype=np.float32), (user, item)), shape=(len(user_ids), len(item_ids)))
    return user_ids, item_ids, pairs.tocsr()


def implicit_model(factors, iterations, threads, alpha, regularization=0.01, exact=False):
    from implicit.cpu.als import AlternatingLeastSquares
    return AlternatingLeastSquares(factors=factors, iterations=iterations, num_threads=threads, alpha=alpha, use_cg=not exact,
                                   regularization=regularization, random_state=0)


def load_state(path):
    """The model and the matrix that the outside route kept."""
    state = np.load(path)
    matrix = sp.csr_matrix((state["data"], state["indices"], state["indptr"]), shape=state["shape"])
    model = implicit_model(state["users"].shape[1], 1, 1, 1)
    model.user_factors, model.item_factors = state["users"], state["items"]
    return model, matrix


# ---- Commands -------------------------------------------------------------------------------------------------------

def versions():
    from importlib.metadata import PackageNotFoundError, version
    names = []
    for name in ("implicit", "lightfm", "numpy", "scipy"):
        try:
            names.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            pass
    print(f"Python {sys.version.split()[0]}, " + ", ".join(names))


def iterations(path, factors, count, threads, solver):
    """Seconds of one iteration, as the model's own fit runs it, and implicit's own loss afterwards."""
    from implicit.cpu import _als
    matrix = read_matrix(path)
    model = implicit_model(int(factors), int(count), int(threads), 10, exact=solver == "exact")
    model = implicit_model(int(factors), int(count), int(threads), 10, exact=solver == "exact")
    watches = []                # the first iteration, in which threads wake up, is not counted
    model.fit(matrix, show_progress=False, callback=lambda *_: watches.append(Stopwatch()))
    wall, cpu = [(getattr(watches[-1], what) - getattr(watches[0], what)) / (len(watches) - 1) for what in ("wall", "cpu")]
    loss = _als.calculate_loss(10 * matrix, model.user_factors, model.item_factors, model.regularization, num_threads=int(threads))
    print(f"{wall:.6f} {cpu:.6f} {loss:.9g}")


def outside(table, factors, count, threads, state):
    """COPY out, ids to numbers, matrix, fit, COPY back: with nothing that the route could do without."""
    from implicit.cpu import als                        # loaded before the clock starts
    watch = Stopwatch()
    stages, before = {}, time.monotonic()

    def stage(name):
        nonlocal before
        stages[name], before = time.monotonic() - before, time.monotonic()

    users, items, quantities = copy_out(f"SELECT customer, item, quantity FROM {table}", (8, 8, 4))
    bought = quantities > 0
    if not bought.all():
        users, items = users[bought], items[bought]
    stage("copy-out-and-parse")
    user_ids, item_ids, matrix = matrix_of(users, items)
    matrix.data = np.log2(1 + matrix.data)
    stage("ids-and-matrix")
    model = implicit_model(int(factors), int(count), int(threads), 20)
    model.fit(matrix, show_progress=False)
    stage("fit")
    factors_back("outside_users", user_ids, model.user_factors)
    factors_back("outside_items", item_ids, model.item_factors)
    stage("copy-back")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(watch.read(), peak, " ".join(f"{name}:{seconds:.3f}" for name, seconds in stages.items()))
    np.savez(state, users=model.user_factors, items=model.item_factors, data=matrix.data, indices=matrix.indices,
             indptr=matrix.indptr, shape=matrix.shape)


def recommend(state, threads):
    """Ten items for everybody, without those that they have."""
    model, matrix = load_state(state)
    model.num_threads = int(threads)
    everybody = np.arange(matrix.shape[0])
    model.recommend(everybody[:200], matrix[:200], N=10, filter_already_liked_items=True)
    watch = Stopwatch()
    model.recommend(everybody, matrix, N=10, filter_already_liked_items=True)
    print(watch.read(), len(everybody))


def single(state, requests):
    """One customer a call: milliseconds at the median and at 99 %, without a database."""
    model, matrix = load_state(state)
    users = np.random.default_rng(0).integers(matrix.shape[0], size=int(requests))
    model.recommend(0, matrix[0], N=10)
    watch, times = Stopwatch(), []
    for user in users:
        began = time.monotonic()
        model.recommend(user, matrix[user], N=10, filter_already_liked_items=True)
        times.append(1000 * (time.monotonic() - began))
    print(watch.read(len(users)), f"{np.percentile(times, 50):.4f} {np.percentile(times, 99):.4f}")


def vectors(table, factors, count, threads, item_table, user_table):
    """Factors of a log as tables of real[], to be made vectors of."""
    watch = Stopwatch()
    user_ids, item_ids, matrix = matrix_of(*copy_out(f"SELECT customer, item FROM {table}", (8, 8)))
    model = implicit_model(int(factors), int(count), int(threads), 20)
    model.fit(matrix, show_progress=False)
    factors_back(user_table, user_ids, model.user_factors)
    factors_back(item_table, item_ids, model.item_factors)
    print(watch.read())


def lists_back(table, user_ids, item_ids, lists):
    """Answers as a table of (user_id, item_id)."""
    row = np.dtype([("count", ">i2"), ("length_user", ">i4"), ("user", ">i8"), ("length_item", ">i4"), ("item", ">i8")])
    psql(f"DROP TABLE IF EXISTS {table}")
    psql(f"CREATE TABLE {table} (user_id bigint, item_id bigint)")
    copy_in(table, row, lists.size, {"count": 2, "length_user": 8, "user": np.repeat(user_ids, lists.shape[1]), "length_item": 8,
                                     "item": item_ids[lists.ravel()]})


def planted(factors, count, threads, peer):
    """Twenty items for everybody of the planted set, by each of a few settings: a table of answers each, and its name."""
    user_ids, item_ids, matrix = matrix_of(*copy_out("SELECT customer, item FROM planted", (8, 8)))
    if peer == "lightfm":
        from lightfm import LightFM
        watch = Stopwatch()
        model = LightFM(no_components=int(factors), loss="warp", random_state=0)
        model.fit(matrix.tocoo(), epochs=int(count), num_threads=int(threads))
        print("answers_lightfm", watch.read(), f"{count} epochs of WARP")
        users, items = np.hstack([model.user_embeddings]), np.hstack([model.item_embeddings])
        scores = users @ items.T + model.item_biases
        scores[matrix.nonzero()] = -np.inf
        lists_back("answers_lightfm", user_ids, item_ids, np.argsort(-scores, axis=1)[:, :20])
        return
    for alpha in (1, 5, 20):
        for regularization in (0.01, 1, 10, 100):
            name = f"answers_implicit_{alpha}_{regularization}".replace(".", "_")
            watch = Stopwatch()
            model = implicit_model(int(factors), int(count), int(threads), alpha, regularization)
            model.fit(matrix, show_progress=False)
            print(name, watch.read(), f"alpha {alpha}, regularization {regularization}")
            lists, _ = model.recommend(np.arange(len(user_ids)), matrix, N=20, filter_already_liked_items=True)
            lists_back(name, user_ids, item_ids, lists)


def epoch(path, factors, epochs, threads):
    """Seconds of one epoch of LightFM's WARP."""
    from lightfm import LightFM
    matrix = read_matrix(path).tocoo()
    model = LightFM(no_components=int(factors), loss="warp", random_state=0)
    watch = Stopwatch()
    model.fit(matrix, epochs=int(epochs), num_threads=int(threads))
    print(watch.read(int(epochs)))


COMMANDS = (versions, iterations, outside, recommend, single, vectors, planted, epoch)

if __name__ == "__main__":
    commands = {command.__name__: command for command in COMMANDS}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
