# Licensed under the Apache License, Version 2.0; see LICENSE.
"""
Commands for gdb, on a running process or a core file:

    gdb -x tests/gdb/graphtok_gdb.py -p PID

    gt-pools POOL     an APR pool and those below it: tag, bytes
    gt-task TASK      the works of a task, from the outermost to the one that runs
    gt-slots SLOTS    a segment of slots: what it holds, and what is being written

Nothing of the process is called or changed. A pool is read by the layout of APR 1.7 on 64 bits,
since Debian's APR has no debugging symbols installed; the rest needs the symbols of the module
(Debian: libapache2-mod-graphtok-dbgsym).
"""

import gdb

WORD = 8
# Of apr_pool_t and apr_memnode_t, in words.
CHILD, SIBLING, TAG, ACTIVE = 1, 2, 10, 11
NODE_NEXT, NODE_END = 0, 4
POOLS_MOST, NODES_MOST = 10000, 100000


def word(address, index=0):
    """A word of the process."""
    memory = gdb.selected_inferior().read_memory(address + index * WORD, WORD)
    return int.from_bytes(bytes(memory), "little")


def text(address):
    """A C string; a pool without a name has none."""
    if address == 0:
        return "(no tag)"
    pointer = gdb.Value(address).cast(gdb.lookup_type("char").pointer())
    return pointer.string("utf-8", "replace")[:80]


def pool_size(pool):
    """Bytes of the ring of nodes that a pool has from its allocator."""
    first = node = word(pool, ACTIVE)
    total = 0
    for _ in range(NODES_MOST):
        total += word(node, NODE_END) - node
        node = word(node, NODE_NEXT)
        if node in (first, 0):
            break
    return total


def pools(pool, depth=0):
    """(depth, pool, tag, bytes) of a pool and those below it."""
    yield depth, pool, text(word(pool, TAG)), pool_size(pool)
    child = word(pool, CHILD)
    for _ in range(POOLS_MOST):
        if child == 0:
            break
        yield from pools(child, depth + 1)
        child = word(child, SIBLING)


class Command(gdb.Command):
    """One that takes an expression; what cannot be read is said, not raised."""

    def __init__(self, name, show):
        super().__init__(name, gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)
        self.show = show

    def invoke(self, argument, _):
        try:
            self.show(gdb.parse_and_eval(argument))
        except gdb.MemoryError as error:
            raise gdb.GdbError(f"this is none, or its memory is not in the core: {error}") from error


def show_pools(value):
    """gt-pools"""
    count = total = 0
    for depth, pool, tag, size in pools(int(value)):
        print(f"{'  ' * depth}{tag}  {size:,} bytes  {pool:#x}")
        count, total = count + 1, total + size
    print(f"{count} pools, {total:,} bytes")


def as_pointer(value, name, function):
    """A pointer to a type as the file of a function has it: other files know its name alone, and
    tests may have one of their own. An expression may be a bare address."""
    block = gdb.lookup_global_symbol(function).symtab.static_block()
    return value.cast(gdb.lookup_type(name, block).pointer())


def step_name(step):
    """The function of a step."""
    return str(step).partition("<")[2].rstrip(">") or str(step)


def show_task(value):
    """gt-task"""
    task = as_pointer(value, "struct gt_task_t", "gt_task_run")
    depth = int(task["depth"])
    if depth == 0:
        print("it has ended")
    for level in range(depth):
        frame = task["frames"][level]
        work, following = frame["work"], int(frame["next"])
        steps = [step_name(work["steps"][n]) for n in range(64) if n == 0 or not ended(work, n)]
        now = steps[following - 1] if 0 < following <= len(steps) else "not begun"
        print(f"{'  ' * level}{work['name'].string()}: {now}, step {following} of {len(steps)}")
    print(f"waits for: {str(task['wait']).replace('WAIT_', '').lower()}")


def ended(work, index):
    """Whether a table of steps ends at or before an index."""
    return any(int(work["steps"][n]) == 0 for n in range(index + 1))


def used_slots(slots, ways):
    """(owners' pids, used, odd) of all sets."""
    size = gdb.lookup_type("set_t").sizeof
    count, stride, first = (int(slots[name]) for name in ("set_count", "slot_stride", "slots"))
    memory = bytes(gdb.selected_inferior().read_memory(int(slots["sets"]), count * size))
    owners, used, odd = [], 0, 0
    for number in range(count):
        one = memory[number * size:(number + 1) * size]
        mark = int.from_bytes(one[:WORD], "little")
        owners += [mark >> 32] if mark else []
        for way in range(ways):
            at = size - ways * WORD + way * WORD
            if any(one[at:at + WORD]):
                used += 1
                odd += word(first + (number * ways + way) * stride) & 1
    return owners, used, odd


def show_slots(value):
    """gt-slots"""
    slots = as_pointer(value, "struct gt_slots_t", "gt_slots_open")
    ways = gdb.lookup_type("set_t")["tags"].type.range()[1] + 1
    owners, used, odd = used_slots(slots, ways)
    print(f"{int(slots['set_count']) * ways} slots of {int(slots['slot_bytes'])} bytes: {used} used, "
          f"{odd} being written or left by a writer that died")
    print(f"sets that are being written: {len(owners)}" + "".join(f", by process {pid}" for pid in owners))
    names = [field for field in gdb.lookup_type("figure_t").fields() if field.name != "FIGURES"]
    stripes = slots["head"]["stripes"]
    for field in names:
        total = sum(int(stripes[n]["count"][field.enumval]) for n in range(stripes.type.range()[1] + 1))
        print(f"  {field.name.lower().replace('_', ' ')}: {total}")


Command("gt-pools", show_pools)
Command("gt-task", show_task)
Command("gt-slots", show_slots)
