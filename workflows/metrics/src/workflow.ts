// Reports a metric of a model to MetricReceiver. On a schedule, every node of the network asks the
// Anacostia API of each operator; a node has an observation if enough operators answer the same, the
// network has one if enough nodes have the same, and only then is a report signed. A sealed run never
// changes, so whole answers are compared: no median pairs one run's value with another's evidence.

import {
  type CronPayload,
  CronCapability,
  EVMClient,
  HTTPClient,
  type HTTPSendRequester,
  type Runtime,
  TxStatus,
  bytesToHex,
  consensusIdenticalAggregation,
  getNetwork,
  handler,
  json,
  ok,
  prepareReportRequest,
} from "@chainlink/cre-sdk";
import { type Hex, encodeAbiParameters, keccak256, parseAbiParameters, toBytes, toHex } from "viem";
import { z } from "zod";

const LOOPBACK = /^http:\/\/127\.0\.0\.1:\d+$/;
const LABEL = /^[A-Za-z0-9._\/-]{1,32}$/;
const MAX_OPERATORS = 5; // as many requests as a run may make

const word = z.custom<Hex>((v) => typeof v === "string" && /^0x[0-9a-f]{64}$/.test(v), "32 bytes");
const address = z.custom<Hex>((v) => typeof v === "string" && /^0x[0-9a-fA-F]{40}$/.test(v), "address");
const operator = z
  .string()
  .refine((url) => LOOPBACK.test(url) || /^https:\/\/[^/?#]+$/.test(url), "an https origin");

export const configSchema = z
  .object({
    schedule: z.string(),
    operators: z.array(operator).min(1).max(MAX_OPERATORS),
    quorum: z.number().int().positive(), // operators that must answer the same
    modelId: z.number().int().positive(),
    metric: z.string().min(1).max(300),
    source: word,
    receiver: address,
    chainSelectorName: z.string(),
    chainId: z.number().int().positive(),
    isTestnet: z.boolean(),
    gasLimit: z.string().regex(/^\d+$/),
  })
  .refine((c) => c.quorum <= c.operators.length, "a quorum of more operators than there are")
  .refine((c) => 2 * c.quorum > c.operators.length, "a quorum is more than half of the operators");
export type Config = z.infer<typeof configSchema>;

/** What the nodes must agree on, whole. */
export type Observation = { version: number; micros: string; observedAt: number; evidence: Hex };

const REPORT = parseAbiParameters(
  "(uint8 schema,uint256 chainId,address receiver,bytes32 source,uint64 modelId,uint32 version,bytes32 metricId,int64 value,uint64 observedAt,bytes32 evidence)",
);

const answerSchema = z.object({
  model_id: z.number().int(),
  version: z.number().int().positive(),
  name: z.string(),
  micros: z.number().int().refine(Number.isSafeInteger, "a number that JSON can hold exactly"),
  finished_at: z.string(),
  run: z.object({ leaf: z.string().regex(/^[0-9a-f]{64}$/) }),
});

/** Seconds of an ISO 8601 time in UTC; fractions are cut off. */
export const seconds = (text: string): number => {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?Z$/.exec(text);
  if (!parts) throw new Error(`finished_at is no time in UTC: ${text}`);
  const [y, mo, d, h, mi, s] = parts.slice(1).map(Number) as [number, number, number, number, number, number];
  return Date.UTC(y, mo - 1, d, h, mi, s) / 1000;
};

/** A metric's name as contracts hold it. */
export const metricId = (name: string): Hex =>
  LABEL.test(name) ? toHex(toBytes(name), { size: 32 }).replace(/^0x(0*)(.*)$/, "0x$2$1") as Hex : keccak256(toBytes(name));

/** An operator's answer, if it is to the question. */
export const parseAnswer = (body: unknown, config: Pick<Config, "modelId" | "metric">): Observation => {
  const answer = answerSchema.parse(body);
  if (answer.model_id !== config.modelId) throw new Error(`answer is about model ${answer.model_id}`);
  if (answer.name !== config.metric) throw new Error(`answer is about ${answer.name}`);
  return {
    version: answer.version,
    micros: String(answer.micros),
    observedAt: seconds(answer.finished_at),
    evidence: `0x${answer.run.leaf}`,
  };
};

/** The observation that enough operators gave; the others' reasons if there is none. */
export const agree = (given: Observation[], failures: string[], quorum: number): Observation => {
  for (const one of given) {
    const same = given.filter((other) => JSON.stringify(other) === JSON.stringify(one));
    if (same.length >= quorum) return one;
  }
  const why = failures.length ? ` (${failures.join("; ")})` : "";
  throw new Error(`fewer than ${quorum} operators answer the same${why}`);
};

const observe = (http: HTTPSendRequester, config: Config): Observation => {
  const path = `/api/models/${config.modelId}/metrics/${encodeURIComponent(config.metric)}`;
  const given: Observation[] = [];
  const failures: string[] = [];
  // All are asked before the first answer is waited for.
  const asked = config.operators.map((origin) => ({
    origin,
    answer: http.sendRequest({ url: origin + path, method: "GET", headers: { accept: "application/json" } }),
  }));
  for (const { origin, answer } of asked) {
    try {
      const response = answer.result();
      if (!ok(response)) throw new Error(`status ${response.statusCode}`);
      given.push(parseAnswer(json(response), config));
    } catch (error) {
      // The runtime keeps what stands after the last colon of an error, and no more.
      failures.push(`${origin.split("//")[1]} ${(error as Error).message}`.replaceAll(":", " "));
    }
  }
  return agree(given, failures, config.quorum);
};

export const onCron = (runtime: Runtime<Config>, _payload: CronPayload): string => {
  const config = runtime.config;
  const seen = new HTTPClient()
    .sendRequest(runtime, observe, consensusIdenticalAggregation<Observation>())(config)
    .result();
  const { chainSelectorName, isTestnet, receiver, gasLimit } = config;
  const network = getNetwork({ chainFamily: "evm", chainSelectorName, isTestnet });
  if (!network) throw new Error(`unknown chain ${chainSelectorName}`);

  const payload = encodeAbiParameters(REPORT, [
    {
      schema: 1,
      chainId: BigInt(config.chainId),
      receiver,
      source: config.source,
      modelId: BigInt(config.modelId),
      version: seen.version,
      metricId: metricId(config.metric),
      value: BigInt(seen.micros),
      observedAt: BigInt(seen.observedAt),
      evidence: seen.evidence,
    },
  ]);
  runtime.log(`${config.metric} of version ${seen.version} is ${seen.micros} millionths`);
  const report = runtime.report(prepareReportRequest(payload)).result();
  const sent = new EVMClient(network.chainSelector.selector)
    .writeReport(runtime, { receiver, report, gasConfig: { gasLimit } })
    .result();

  // The transaction succeeds even where the receiver refused the report.
  if (sent.txStatus !== TxStatus.SUCCESS || sent.receiverContractExecutionStatus) {
    throw new Error(`the report was refused: ${sent.errorMessage ?? `status ${sent.txStatus}`}`);
  }
  return bytesToHex(sent.txHash ?? new Uint8Array(32));
};

export const initWorkflow = (config: Config) => [
  handler(new CronCapability().trigger({ schedule: config.schedule }), onCron),
];
