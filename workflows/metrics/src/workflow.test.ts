// The handler's logic against the SDK's own doubles of its capabilities. Consensus among nodes, the
// WASM runtime and the forwarder are real in tests/sdk/integration/test_workflow.py.
import { describe, expect } from "bun:test";
import { EvmMock, HttpActionsMock, newTestRuntime, test } from "@chainlink/cre-sdk/test";
import { type Runtime, TxStatus, getNetwork } from "@chainlink/cre-sdk";
import { decodeAbiParameters, parseAbiParameters } from "viem";
import { type Config, agree, configSchema, metricId, onCron, parseAnswer, seconds } from "./workflow";

const config: Config = {
  schedule: "0 */10 * * * *",
  operators: ["https://one.example", "https://two.example", "https://three.example"],
  quorum: 2,
  modelId: 7,
  metric: "accuracy",
  source: `0x${"11".repeat(32)}`,
  receiver: `0x${"22".repeat(20)}`,
  chainSelectorName: "ethereum-testnet-sepolia-base-1",
  chainId: 84532,
  isTestnet: true,
  gasLimit: "500000",
};
const LEAF = "ab".repeat(32);
const answer = {
  model_id: 7,
  version: 3,
  name: "accuracy",
  micros: 937_500,
  finished_at: "2026-11-25T17:00:00.123456Z",
  run: { leaf: LEAF },
};
const AT = 1_795_626_000;
const REPORT = parseAbiParameters(
  "(uint8 schema,uint256 chainId,address receiver,bytes32 source,uint64 modelId,uint32 version,bytes32 metricId,int64 value,uint64 observedAt,bytes32 evidence)",
);
const selector = getNetwork({
  chainFamily: "evm",
  chainSelectorName: config.chainSelectorName,
  isTestnet: true,
})!.chainSelector.selector;

const runtime = () => {
  const made = newTestRuntime();
  (made as any).config = config;
  return made as unknown as Runtime<Config> & { getLogs(): string[] };
};

/** One answer for each operator: a body, or a status. */
const answers = (...given: (object | number)[]) => {
  const urls: string[] = [];
  HttpActionsMock.testInstance().sendRequest = (request: any) => {
    const next = given[urls.push(request.url) - 1]!;
    const body = new TextEncoder().encode(JSON.stringify(typeof next === "number" ? {} : next));
    return { statusCode: typeof next === "number" ? next : 200, headers: {}, body } as any;
  };
  return urls;
};

const receiver = (reply: object) => {
  const written: any[] = [];
  EvmMock.testInstance(selector).writeReport = (input: any) => {
    written.push(input);
    return reply as any;
  };
  return written;
};

const accepted = { txStatus: TxStatus.SUCCESS, txHash: new Uint8Array(32).fill(9) };
const run = () => onCron(runtime(), {} as any);

describe("the handler", () => {
  test("asks every operator and reports what they agree on", () => {
    const urls = answers(answer, answer, answer);
    const written = receiver(accepted);
    expect(run()).toBe(`0x${"09".repeat(32)}`);
    expect(urls).toEqual(config.operators.map((o) => `${o}/api/models/7/metrics/accuracy`));
    const payload = Buffer.from(written[0].report.rawReport.slice(109)).toString("hex");
    const [told] = decodeAbiParameters(REPORT, `0x${payload}`);
    expect(told).toEqual({
      schema: 1,
      chainId: 84532n,
      receiver: config.receiver,
      source: config.source,
      modelId: 7n,
      version: 3,
      metricId: `0x${Buffer.from("accuracy").toString("hex").padEnd(64, "0")}`,
      value: 937_500n,
      observedAt: BigInt(AT),
      evidence: `0x${LEAF}`,
    });
  });

  test("takes a quorum where an operator lies or is down", () => {
    for (const other of [{ ...answer, micros: 1 }, 500]) {
      answers(other, answer, answer);
      receiver(accepted);
      expect(run()).toBe(`0x${"09".repeat(32)}`);
    }
  });

  test("sends nothing where there is no quorum, and says why", () => {
    answers(answer, { ...answer, version: 4 }, 503);
    const written = receiver(accepted);
    expect(run).toThrow("fewer than 2 operators answer the same");
    answers(500, 500, answer);
    expect(run).toThrow("one.example status 500; two.example status 500");
    expect(written).toEqual([]);
  });

  test("sees a refusal of the transaction and of the receiver", () => {
    answers(answer, answer, answer);
    receiver({ txStatus: TxStatus.REVERTED, errorMessage: "no gas" });
    expect(run).toThrow("the report was refused: no gas");
    answers(answer, answer, answer);
    receiver({ ...accepted, receiverContractExecutionStatus: 1 });
    expect(run).toThrow("the report was refused");
  });
});

describe("answers", () => {
  test("must be to the question", () => {
    expect(parseAnswer(answer, config).observedAt).toBe(AT);
    expect(() => parseAnswer({ ...answer, model_id: 8 }, config)).toThrow("about model 8");
    expect(() => parseAnswer({ ...answer, name: "f1" }, config)).toThrow("about f1");
  });

  test("must be whole and exact", () => {
    for (const wrong of [
      { ...answer, micros: null },
      { ...answer, micros: 0.5 },
      { ...answer, micros: 2 ** 53 },
      { ...answer, version: 0 },
      { ...answer, run: { leaf: "xyz" } },
      { detail: "not here" },
      [],
      null,
    ]) {
      expect(() => parseAnswer(wrong, config)).toThrow();
    }
  });

  test("must say when in UTC", () => {
    expect(seconds("2026-11-25T17:00:00Z")).toBe(AT);
    for (const wrong of ["2026-11-25T17:00:00+01:00", "2026-11-25", ""]) {
      expect(() => seconds(wrong)).toThrow("no time in UTC");
    }
  });

  test("agree as wholes, not field by field", () => {
    const one = parseAnswer(answer, config);
    const mixed = { ...one, evidence: `0x${"00".repeat(32)}` as const };
    expect(() => agree([one, mixed], [], 2)).toThrow("fewer than 2");
    expect(agree([mixed, one, one], [], 2)).toEqual(one);
  });
});

test("names longer than a word are hashed, others stand for themselves", () => {
  expect(metricId("a.b/c_d-0")).toBe(`0x${Buffer.from("a.b/c_d-0").toString("hex").padEnd(64, "0")}`);
  expect(metricId("two words")).toMatch(/^0x[0-9a-f]{64}$/);
});

test("a configuration that could be fooled is refused", () => {
  expect(configSchema.parse(config)).toEqual(config);
  for (const wrong of [
    { operators: ["http://one.example"] },
    { operators: ["https://one.example/path"] },
    { operators: [] },
    { operators: Array(6).fill("https://one.example") },
    { quorum: 4 },
    { quorum: 1 },
    { source: "0x11" },
    { receiver: "0x" },
    { modelId: 0 },
  ]) {
    expect(configSchema.safeParse({ ...config, ...wrong }).success).toBe(false);
  }
});
