"""Link a workflow's bundle into Chainlink's runtime: `python link.py workflow.js workflow.wasm`.

Deploy with Chainlink's own command line; this shows, without it, that a workflow is a WASM module
that the network's host can run, and how large. It does what the official linker (javy) does after
the same bundling: the runtime compiles the bundle to bytecode, which becomes a passive data
segment, and `_start` hands it to the runtime. The bytes are not those of the official linker, and
neither, therefore, is the workflow's id.
"""

from __future__ import annotations

import sys
from pathlib import Path

import wasmtime

PLUGIN = Path(__file__).parent / (
    "node_modules/@chainlink/cre-sdk-javy-plugin/dist/javy-chainlink-sdk.plugin.wasm"
)
MAX_SIZE = 100_000_000
"""Of a module, as the network's quota says."""

CUSTOM, TYPE, IMPORT, FUNCTION, EXPORT, CODE, DATA, DATA_COUNT = 0, 1, 2, 3, 7, 10, 11, 12


def main() -> None:
    """Link the first file named into the second."""
    source, target = map(Path, sys.argv[1:])
    linked = link(PLUGIN.read_bytes(), compile_bundle(source.read_bytes()))
    wasmtime.Module(wasmtime.Engine(), linked)  # raises if it is no module
    if len(linked) > MAX_SIZE:
        raise SystemExit(f"error: {len(linked)} bytes are more than the network takes")
    target.write_bytes(linked)
    print(f"{target}: {len(linked)} bytes")  # noqa: T201 - a script


def compile_bundle(bundle: bytes) -> bytes:
    """A bundle as bytecode, made by the runtime itself."""
    engine = wasmtime.Engine()
    store, module, linker = (
        wasmtime.Store(engine),
        wasmtime.Module(engine, PLUGIN.read_bytes()),
        wasmtime.Linker(engine),
    )
    linker.define_wasi()
    store.set_wasi(wasmtime.WasiConfig())
    for wanted in module.imports:
        if wanted.module == "env":
            answer = 0 if wanted.type.results else None
            nothing = wasmtime.Func(store, wanted.type, lambda *_, answer=answer: answer)
            linker.define(store, "env", wanted.name, nothing)
    inside = linker.instantiate(store, module).exports(store)
    inside["initialize-runtime"](store)
    memory = inside["memory"]
    at = inside["cabi_realloc"](store, 0, 0, 1, len(bundle))
    memory.write(store, bundle, at)
    result = inside["compile-src"](store, at, len(bundle))
    failed, start, length = (
        int.from_bytes(memory.read(store, result + k, result + k + 4), "little") for k in (0, 4, 8)
    )
    out = bytes(memory.read(store, start, start + length))
    if failed:
        raise SystemExit(f"error: {out.decode()}")
    return out


def link(plugin: bytes, bytecode: bytes) -> bytes:
    """The plugin with the bytecode in it, and a `_start` that runs it."""
    found = sections(plugin)
    parts = {number: body for number, body in found if number != CUSTOM}
    counts = {n: read(parts[n], 0) for n in (TYPE, FUNCTION, CODE, DATA)}
    segment, exports = counts[DATA][0], exported(parts[EXPORT])
    start = imported_functions(parts[IMPORT]) + counts[FUNCTION][0]
    changed = {
        TYPE: appended(parts, counts, TYPE, b"\x60\x00\x00"),  # a function of nothing to nothing
        FUNCTION: appended(parts, counts, FUNCTION, unsigned(counts[TYPE][0])),
        EXPORT: unsigned(2) + named("memory", 2, exports["memory"]) + named("_start", 0, start),
        DATA_COUNT: unsigned(segment + 1),
        CODE: appended(parts, counts, CODE, sized(entry(exports, segment, len(bytecode)))),
        DATA: appended(parts, counts, DATA, b"\x01" + sized(bytecode)),
    }
    if DATA_COUNT not in parts:
        found.insert([number for number, _ in found].index(CODE), (DATA_COUNT, b""))
    kept = ((n, changed.get(n, body)) for n, body in found if n != CUSTOM)
    return plugin[:8] + b"".join(bytes([n]) + sized(body) for n, body in kept)


def entry(exports: dict[str, int], segment: int, length: int) -> bytes:
    """The body of `_start`: initialize; allocate; copy the segment there; invoke it."""

    def call(name: str) -> bytes:
        return b"\x10" + unsigned(exports[name])

    zero, size, memory_init, data_drop = b"\x41\x00", b"\x41" + signed(length), 8, 9
    copy = b"\xfc" + unsigned(memory_init) + unsigned(segment) + b"\x00"
    drop = b"\xfc" + unsigned(data_drop) + unsigned(segment)
    allocate = zero + zero + b"\x41\x01" + size + call("cabi_realloc") + b"\x22\x00"
    invoke = b"\x20\x00" + size + zero + zero + zero + call("invoke")
    one_local = b"\x01\x01\x7f"
    steps = call("initialize-runtime") + allocate + zero + size + copy + drop + invoke
    return one_local + steps + b"\x0b"


def sections(module: bytes) -> list[tuple[int, bytes]]:
    """Number and body of each."""
    found, at = [], 8
    while at < len(module):
        number = module[at]
        length, at = read(module, at + 1)
        found.append((number, module[at : at + length]))
        at += length
    return found


def exported(body: bytes) -> dict[str, int]:
    """Index of each export by its name."""
    count, at = read(body, 0)
    found = {}
    for _ in range(count):
        length, at = read(body, at)
        name = body[at : at + length].decode()
        found[name], at = read(body, at + length + 1)
    return found


def imported_functions(body: bytes) -> int:
    """How many of the imports are functions; the plugin imports nothing else."""
    count, at = read(body, 0)
    for _ in range(count):
        for _name in range(2):
            length, at = read(body, at)
            at += length
        if body[at] != 0:
            raise SystemExit("error: the plugin imports something else than functions")
        _, at = read(body, at + 1)
    return count


def appended(
    parts: dict[int, bytes], counts: dict[int, tuple[int, int]], number: int, item: bytes
) -> bytes:
    """A section with one item more."""
    count, start = counts[number]
    return unsigned(count + 1) + parts[number][start:] + item


def named(name: str, kind: int, index: int) -> bytes:
    """An export."""
    return sized(name.encode()) + bytes([kind]) + unsigned(index)


def sized(body: bytes) -> bytes:
    """A body after its length."""
    return unsigned(len(body)) + body


def read(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number, and where it ends."""
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def unsigned(number: int) -> bytes:
    """An unsigned LEB128 number."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def signed(number: int) -> bytes:
    """A non-negative signed LEB128 number: one byte more where its highest bit is taken."""
    out = unsigned(number)
    return out if out[-1] < 0x40 else out[:-1] + bytes([out[-1] | 0x80, 0])


if __name__ == "__main__":
    main()
