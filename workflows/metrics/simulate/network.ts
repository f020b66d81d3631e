// Four nodes, of which one may be faulty, run a workflow; usage: bun simulate/network.ts SETTING.json
//
// Real: the runtime, the requests, the signatures, the forwarder. Simulated: the network between the
// nodes. A value counts here if 2f + 1 nodes have it; that is the rule of the real consensus as far as
// it is documented. Prints one JSON document: what each node said, and what was delivered.
import { create, toBinary } from "@bufbuild/protobuf";
import { EmptySchema, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { CRON_TRIGGER_PB, EVM_PB, HTTP_CLIENT_PB, SDK_PB, VALUES_PB } from "@chainlink/cre-sdk/pb";
import { readFileSync } from "node:fs";
import {
  type Hex,
  concatHex,
  createPublicClient,
  createWalletClient,
  hexToBytes,
  http,
  keccak256,
  parseAbi,
  sha256,
  toHex,
} from "viem";
import { privateKeyToAccount, sign } from "viem/accounts";
import { compile, run } from "./runtime";

const [P, E, H, C, V] = [SDK_PB, EVM_PB, HTTP_CLIENT_PB, CRON_TRIGGER_PB, VALUES_PB] as any[];
const FAULTY = 1;
const ROUNDS = 50;
const FORWARDER = parseAbi([
  "function report(address receiver, bytes rawReport, bytes reportContext, bytes[] signatures)",
]);
const PROCESSED = keccak256(toHex("ReportProcessed(address,bytes32,bytes2,bool)"));

type Setting = {
  bundle: string;
  config: object;
  keys: Hex[]; // the nodes'
  workflowId: Hex;
  workflowName: Hex; // ten bytes
  workflowOwner: Hex;
  rpc: string;
  forwarder: Hex;
  relayer: Hex; // key of who sends the report
  now: number; // seconds
  views: Record<string, Record<string, string>>; // by node: another origin in place of one
};

const payload = (schema: any, message: any) =>
  create(P.CapabilityResponseSchema, { response: { case: "payload", value: anyPack(schema, message) } } as any);
const failure = (reason: string) =>
  create(P.CapabilityResponseSchema, { response: { case: "error", value: reason } } as any);

/** An HTTP request as one node sees the world. */
const fetchAs = async (setting: Setting, node: number, request: any) => {
  const url = new URL(request.url);
  const origin = setting.views[String(node)]?.[url.origin] ?? url.origin;
  try {
    const answer = await fetch(origin + url.pathname, {
      method: request.method,
      headers: request.headers,
      redirect: "error",
      signal: AbortSignal.timeout(10_000),
    });
    const body = new Uint8Array(await answer.arrayBuffer());
    return payload(H.ResponseSchema, create(H.ResponseSchema, { statusCode: answer.status, body } as any));
  } catch (error) {
    return failure(String(error));
  }
};

/** The observation that enough nodes have. */
const consensus = (inputs: any[]) => {
  const same = (a: any, b: any) =>
    Buffer.compare(toBinary(V.ValueSchema, a) as any, toBinary(V.ValueSchema, b) as any) === 0;
  const values = inputs.filter((i) => i.observation.case === "value").map((i) => i.observation.value);
  const found = values.find((v) => values.filter((w) => same(v, w)).length >= 2 * FAULTY + 1);
  if (found) return payload(V.ValueSchema, found);
  const errors = inputs.filter((i) => i.observation.case === "error").map((i) => i.observation.value);
  return failure(`no consensus among ${inputs.length} nodes; ${errors.length} failed ${errors[0] ?? ""}`);
};

/** Header, payload, context and signatures, as the forwarder checks them. */
const report = async (setting: Setting, request: any) => {
  const executionId = sha256(concatHex([setting.workflowId, toHex(BigInt(Date.now()), { size: 32 })]));
  const raw = concatHex([
    "0x01",
    executionId,
    toHex(setting.now, { size: 4 }),
    toHex(1, { size: 4 }),
    toHex(1, { size: 4 }),
    setting.workflowId,
    setting.workflowName,
    setting.workflowOwner,
    "0x0001",
    toHex(request.encodedPayload as Uint8Array),
  ]);
  const context = concatHex([toHex(14n << 240n, { size: 32 }), toHex(256n, { size: 32 }), toHex(0, { size: 32 })]);
  const hash = keccak256(concatHex([keccak256(raw), context]));
  const sigs = await Promise.all(
    setting.keys.slice(0, FAULTY + 1).map(async (privateKey, signerId) => {
      const made = await sign({ hash, privateKey });
      const signature = hexToBytes(concatHex([made.r, made.s, toHex(made.yParity!, { size: 1 })]));
      return create(P.AttributedSignatureSchema, { signature, signerId } as any);
    }),
  );
  const [rawReport, reportContext] = [hexToBytes(raw), hexToBytes(context)];
  const configDigest = reportContext.slice(0, 32);
  return payload(
    P.ReportResponseSchema,
    create(P.ReportResponseSchema, { rawReport, reportContext, configDigest, seqNr: 1n, sigs } as any),
  );
};

/** The transaction that brings a report to the forwarder. */
const write = async (setting: Setting, request: any) => {
  const transport = http(setting.rpc);
  const reader = createPublicClient({ transport });
  const account = privateKeyToAccount(setting.relayer);
  const chain: any = { id: await reader.getChainId(), name: "local", nativeCurrency: { name: "E", symbol: "E", decimals: 18 }, rpcUrls: { default: { http: [setting.rpc] } } };
  const { rawReport, reportContext, sigs } = request.report;
  const hash = await createWalletClient({ account, chain, transport }).writeContract({
    address: setting.forwarder,
    abi: FORWARDER,
    functionName: "report",
    args: [
      toHex(request.receiver as Uint8Array),
      toHex(rawReport as Uint8Array),
      toHex(reportContext as Uint8Array),
      sigs.map((s: any) => toHex(s.signature as Uint8Array)),
    ],
    gas: request.gasConfig?.gasLimit ?? 1_000_000n,
  });
  const mined = await reader.waitForTransactionReceipt({ hash, pollingInterval: 50 });
  const processed = mined.logs.find((log) => log.topics[0] === PROCESSED);
  const taken = processed !== undefined && BigInt(processed.data) === 1n;
  const reply = {
    txStatus: mined.status === "success" ? E.TxStatus.SUCCESS : E.TxStatus.REVERTED,
    receiverContractExecutionStatus: taken ? 0 : 1,
    txHash: hexToBytes(hash),
    errorMessage: taken ? undefined : "the receiver reverted",
  };
  const delivered = { hash, taken, gasUsed: Number(mined.gasUsed) };
  return { delivered, answer: payload(E.WriteReportReplySchema, create(E.WriteReportReplySchema, reply as any)) };
};

export const simulate = async (setting: Setting) => {
  const code = compile(readFileSync(setting.bundle, "utf8"));
  const now = BigInt(setting.now) * 1_000_000_000n;
  const base = { config: new TextEncoder().encode(JSON.stringify(setting.config)), maxResponseSize: 5_000_000n };
  const logs: string[] = [];
  const subscribe = create(P.ExecuteRequestSchema, { ...base, request: { case: "subscribe", value: create(EmptySchema) } } as any);
  const subscribed = run(code, subscribe, new Map(), now, () => {}).result;
  if (subscribed?.case !== "triggerSubscriptions") throw new Error(`no subscription: ${subscribed?.value}`);
  const [cron] = subscribed.value.subscriptions;
  const { schedule } = anyUnpack(cron.payload, C.ConfigSchema) as any;

  const fired = create(C.PayloadSchema, { scheduledExecutionTime: { seconds: BigInt(setting.now), nanos: 0 } } as any);
  const trigger = create(P.TriggerSchema, { id: 0n, payload: anyPack(C.PayloadSchema, fired) } as any);
  const request = create(P.ExecuteRequestSchema, { ...base, request: { case: "trigger", value: trigger } } as any);
  const answers = setting.keys.map(() => new Map<number, any>());
  let delivered: object | undefined;

  for (let round = 0; round < ROUNDS; round++) {
    const runs = answers.map((known, node) => run(code, request, known, now, (text) => node === 0 && logs.push(text)));
    if (runs.every((r) => r.result)) {
      const results = runs.map((r) => ({ kind: r.result.case, text: r.result.case === "error" ? r.result.value : "" }));
      return { trigger: cron.id, schedule, results, delivered: delivered ?? null, logs: [...new Set(logs)] };
    }
    // Below zero: asked by one node for itself. Else by all of them together.
    const own = runs.flatMap(({ waits }, node) =>
      waits.filter((w: any) => w.callbackId < 0).map((w: any) => ({ node, w })),
    );
    await Promise.all(
      own.map(async ({ node, w }) => {
        answers[node]!.set(w.callbackId, await fetchAs(setting, node, anyUnpack(w.payload, H.RequestSchema)));
      }),
    );
    const together = runs.map(({ waits }) => waits.find((w: any) => w.callbackId >= 0));
    if (own.length || !together.every(Boolean)) continue;
    const { id, method } = together[0];
    const unpacked = (schema: any) => together.map((w) => anyUnpack(w.payload, schema) as any);
    let answer: any;
    if (id.startsWith("consensus") && method === "Simple") {
      answer = consensus(unpacked(P.SimpleConsensusInputsSchema));
    } else if (id.startsWith("consensus") && method === "Report") {
      answer = await report(setting, unpacked(P.ReportRequestSchema)[0]);
    } else if (id.startsWith("evm:") && method === "WriteReport") {
      ({ answer, delivered } = await write(setting, unpacked(E.WriteReportRequestSchema)[0]));
    } else {
      throw new Error(`${id}.${method} is not simulated`);
    }
    together.forEach((w, node) => answers[node]!.set(w.callbackId, answer));
  }
  throw new Error("the workflow does not come to an end");
};

if (import.meta.main) {
  const setting = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as Setting;
  console.log(JSON.stringify(await simulate(setting)));
}
