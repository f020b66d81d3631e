// A w3up (Web3.Storage) service on loopback: the code of @storacha/upload-api over its own in-memory
// stores. Prints one line of JSON when it is ready, and ends when its standard input is closed.
import nodeHttp from 'node:http'
import { createContext, cleanupContext } from '@storacha/upload-api/test/context'
import { ShardedDAGIndex } from '@storacha/blob-index'
import * as Assert from '@storacha/capabilities/assert'
import * as QueryResult from '@storacha/indexing-service-client/query-result'
import { Message } from '@ucanto/core'
import * as CAR from '@ucanto/transport/car'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'

// The services' own HTTP servers listen on all interfaces, ignore Range, and destroy the connection
// right after an answer, which cuts off large ones.
const http = {
  ...nodeHttp,
  createServer(handler) {
    const server = nodeHttp.createServer((request, response) => {
      response.destroy = () => response
      honourRange(request, response)
      if (request.method === 'PUT' && cuts.left > 0) cut(request)
      return handler(request, response)
    })
    const listen = server.listen.bind(server)
    server.listen = (ready) => listen(0, '127.0.0.1', ready)
    return server
  },
}

// How many PUTs are to be broken off, and after how many bytes.
const cuts = { left: 0, after: 0 }

// How many answers to a GET of a range are to end with another byte than they should.
const damages = { left: 0 }

function cut(request) {
  let seen = 0
  request.on('data', (piece) => {
    seen += piece.length
    if (seen < cuts.after || request.socket.destroyed) return
    cuts.left -= 1
    request.socket.destroy()
  })
}

function honourRange(request, response) {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
  if (request.method !== 'GET' || !range) return
  const [first, last] = [Number(range[1]), Number(range[2])]
  const { writeHead, write } = response
  let found = false
  response.writeHead = (status, ...rest) => {
    found = status === 200
    return writeHead.call(response, found ? 206 : status, ...rest)
  }
  response.write = (data) => write.call(response, found ? part(data, first, last) : data)
}

function part(data, first, last) {
  const asked = Uint8Array.from(data.subarray(first, last + 1))
  if (damages.left > 0) {
    damages.left -= 1
    asked[asked.length - 1] ^= 1
  }
  return asked
}

const context = await createContext({
  http,
  requirePaymentPlan: false,
  assert: { fail: (error) => console.error('handler failed:', error) },
})

// The services prove to each other who they are with delegations that expire after 30 seconds.
for (const service of [context.indexingService, context.claimsService]) {
  const { audience, issuer } = service.invocationConfig
  service.invocationConfig.proofs = [
    await Assert.assert.delegate({
      issuer: audience,
      with: audience.did(),
      audience: issuer,
      expiration: Infinity,
    }),
  ]
}

const read = async (request) => {
  const pieces = []
  for await (const piece of request) pieces.push(piece)
  return Buffer.concat(pieces)
}

const send = (response, status, type = 'text/plain', body = '') => {
  response.writeHead(status, { 'content-type': type })
  response.end(body)
}

const claimsOf = async (digest) => {
  const { ok } = await context.indexingService.queryClaims({ hashes: [digest] })
  return [...ok.claims.values()]
}

const blob = async (digest) => {
  const location = (await claimsOf(digest)).find((claim) => claim.type === 'assert/location')
  return new Uint8Array(await (await fetch(location.location[0])).arrayBuffer())
}

/** Where a block is, by the index of any upload that contains it. */
async function block(cid) {
  for (const { root } of context.uploadTable.items) {
    for (const claim of await claimsOf(root.multihash)) {
      if (claim.type !== 'assert/index') continue
      const { ok: index } = ShardedDAGIndex.extract(await blob(claim.index.multihash))
      for (const [shard, slices] of index.shards) {
        const slice = slices.get(cid.multihash)
        if (slice) return (await blob(shard)).subarray(slice[0], slice[0] + slice[1])
      }
    }
  }
}

const routes = {
  async 'POST /'(request, response) {
    const answer = await context.connection.channel.request({
      headers: request.headers,
      body: await read(request),
    })
    response.writeHead(answer.status ?? 200, answer.headers)
    response.end(answer.body)
  },
  async 'GET /receipt/'(request, response, url) {
    const found = await context.agentStore.receipts.get(CID.parse(url.pathname.split('/')[2]))
    if (!found.ok) return send(response, 404)
    const message = CAR.request.encode(await Message.build({ receipts: [found.ok] }))
    response.writeHead(200, message.headers)
    response.end(message.body)
  },
  // The indexing service's query, which the test context offers as a function only.
  async 'GET /claims'(request, response, url) {
    const digests = url.searchParams.getAll('multihash').map((text) => base58btc.decode(text))
    const claims = await Promise.all(digests.map((digest) => claimsOf(Digest.decode(digest))))
    const { ok: result } = await QueryResult.from({ claims: claims.flat() })
    send(response, 200, 'application/vnd.ipld.car', (await result.archive()).ok)
  },
  async 'GET /ipfs/'(request, response, url) {
    const bytes = await block(CID.parse(url.pathname.split('/')[2]))
    if (!bytes) return send(response, 404)
    send(response, 200, 'application/vnd.ipld.raw', bytes)
  },
  async 'POST /_cut'(request, response, url) {
    cuts.left = Number(url.searchParams.get('times'))
    cuts.after = Number(url.searchParams.get('after'))
    send(response, 200)
  },
  async 'POST /_damage'(request, response, url) {
    damages.left = Number(url.searchParams.get('times'))
    send(response, 200)
  },
  async 'POST /_confirm'(request, response) {
    const mail = await context.mail.take()
    if (!mail) return send(response, 404)
    await context.grantAccess(mail)
    send(response, 200)
  },
}

const server = nodeHttp.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://127.0.0.1')
  const step = url.pathname.split('/')
  const route = `${request.method} /${step[1]}${step.length > 2 ? '/' : ''}`
  try {
    if (routes[route]) await routes[route](request, response, url)
    else send(response, 404)
  } catch (error) {
    console.error(error)
    send(response, 500, 'text/plain', String(error))
  }
})

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address()
  const ready = { url: `http://127.0.0.1:${port}`, did: context.id.did(), key: context.id.toDIDKey() }
  console.log(JSON.stringify(ready))
})

process.stdin.resume()
process.stdin.on('end', async () => {
  server.closeAllConnections()
  server.close()
  await cleanupContext(context)
  process.exit(0)
})
