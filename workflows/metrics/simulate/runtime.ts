// A workflow's bundle inside Chainlink's own WASM runtime (@chainlink/cre-sdk-javy-plugin): the imports
// that a node gives to it, and one run of it up to the next answer that it waits for.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { SDK_PB } from "@chainlink/cre-sdk/pb";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

// The generated messages have no types that outlive their package's own build.
const P = SDK_PB as any;
const PLUGIN = fileURLToPath(
  new URL("../node_modules/@chainlink/cre-sdk-javy-plugin/dist/javy-chainlink-sdk.plugin.wasm", import.meta.url),
);
const plugin = new WebAssembly.Module(readFileSync(PLUGIN));

const WASI_NOT_SUPPORTED = 52;
const WASI_BAD_DESCRIPTOR = 8;

/** What a run waits for: its requests that have no answer yet. */
class Pending extends Error {
  constructor(readonly requests: any[]) {
    super("waits for an answer");
  }
}
class Exit extends Error {}

type Host = {
  arguments: string[];
  now: () => bigint;
  call: (request: any) => void;
  answers: (ids: number[]) => any;
  log: (text: string) => void;
  done: (bytes: Uint8Array) => void;
};

const instantiate = (host: Host) => {
  let memory: WebAssembly.Memory;
  const bytes = () => new Uint8Array(memory.buffer);
  const view = () => new DataView(memory.buffer);
  const read = (at: number, length: number) => bytes().slice(at, at + length);
  const text = (at: number, length: number) => new TextDecoder().decode(read(at, length));
  const argv = host.arguments.map((argument) => new TextEncoder().encode(`${argument}\0`));

  const node = {
    call_capability: (at: number, length: number) => {
      host.call(fromBinary(P.CapabilityRequestSchema, read(at, length)));
      return 0n;
    },
    await_capabilities: (at: number, length: number, out: number, most: number) => {
      const asked = fromBinary(P.AwaitCapabilitiesRequestSchema, read(at, length)) as any;
      const answer = toBinary(P.AwaitCapabilitiesResponseSchema, host.answers(asked.ids));
      if (answer.length > most) return -1n;
      bytes().set(answer, out);
      return BigInt(answer.length);
    },
    get_secrets: () => -1n,
    await_secrets: () => -1n,
    log: (at: number, length: number) => host.log(text(at, length)),
    send_response: (at: number, length: number) => (host.done(read(at, length)), 0),
    switch_modes: () => {},
    version_v2_typescript: () => {},
    random_seed: () => 42n,
    now: (at: number) => (view().setBigUint64(at, host.now(), true), 0),
  };
  const sizes = (values: Uint8Array[]) => (count: number, size: number) => {
    view().setUint32(count, values.length, true);
    view().setUint32(size, values.reduce((sum, value) => sum + value.length, 0), true);
    return 0;
  };
  const system: Record<string, (...given: any[]) => number> = {
    args_sizes_get: sizes(argv),
    args_get: (pointers: number, at: number) => {
      for (const argument of argv) {
        view().setUint32(pointers, at, true);
        bytes().set(argument, at);
        pointers += 4;
        at += argument.length;
      }
      return 0;
    },
    environ_sizes_get: sizes([]),
    environ_get: () => 0,
    clock_time_get: (_clock: number, _precision: bigint, at: number) => node.now(at),
    random_get: (at: number, length: number) => (bytes().fill(7, at, at + length), 0),
    fd_prestat_get: () => WASI_BAD_DESCRIPTOR,
    proc_exit: () => {
      throw new Exit();
    },
  };
  const wanted = WebAssembly.Module.imports(plugin).filter((i) => i.module.startsWith("wasi"));
  const wasi = Object.fromEntries(
    wanted.map((i) => [i.name, system[i.name] ?? (() => WASI_NOT_SUPPORTED)]),
  );
  const imports = { env: node, wasi_snapshot_preview1: wasi } as any;
  const exports = new WebAssembly.Instance(plugin, imports).exports as any;
  memory = exports.memory;
  exports["initialize-runtime"]?.();
  const write = (data: Uint8Array): number => {
    const at = exports.cabi_realloc(0, 0, 1, data.length);
    bytes().set(data, at);
    return at;
  };
  return { exports, write, read, view };
};

const unused = () => {
  throw new Error("not while compiling");
};

/** A bundle as the runtime's bytecode. */
export const compile = (source: string): Uint8Array => {
  const inside = instantiate({
    arguments: [],
    now: () => 0n,
    call: unused,
    answers: unused,
    log: console.error,
    done: unused,
  });
  const text = new TextEncoder().encode(source);
  const result = inside.exports["compile-src"](inside.write(text), text.length);
  const [failed, at, length] = [0, 4, 8].map((o) => inside.view().getUint32(result + o, true));
  const out = inside.read(at!, length!);
  if (failed) throw new Error(`the runtime does not compile it: ${new TextDecoder().decode(out)}`);
  return out;
};

/** One run with the answers that there are: its result, or the requests that it waits for. */
export const run = (code: Uint8Array, request: any, answers: Map<number, any>, now: bigint, log: (t: string) => void) => {
  const asked = new Map<number, any>();
  let result: any;
  const encoded = Buffer.from(toBinary(P.ExecuteRequestSchema, request)).toString("base64");
  const inside = instantiate({
    arguments: ["workflow", encoded],
    now: () => now,
    log,
    call: (call) => void asked.set(call.callbackId, call),
    answers: (ids) => {
      const responses: any = {};
      for (const id of ids) {
        if (!answers.has(id)) {
          throw new Pending([...asked.values()].filter((call) => !answers.has(call.callbackId)));
        }
        responses[id] = answers.get(id);
      }
      return create(P.AwaitCapabilitiesResponseSchema, { responses });
    },
    done: (bytes) => {
      result = fromBinary(P.ExecutionResultSchema, bytes);
    },
  });
  try {
    inside.exports.invoke(inside.write(code), code.length, 0, 0, 0);
  } catch (error) {
    if (error instanceof Pending) return { waits: error.requests };
    if (!(error instanceof Exit) && !result) throw error;
  }
  return { result: result?.result, waits: [] };
};
