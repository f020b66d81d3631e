// The official client, one action a run: node client.mjs '{"url", "did", "key", "proof"}' ACTION …
// `key` is a principal's key as `storacha key create` prints it, `proof` the archive of a delegation
// to it in base64. Prints one line of JSON.
import fs from 'node:fs/promises'
import * as Client from '@storacha/client'
import * as Service from '@storacha/client/service'
import { Signer } from '@storacha/client/principal/ed25519'
import { StoreMemory } from '@storacha/client/stores/memory'
import { Delegation } from '@ucanto/core'
import * as DID from '@ipld/dag-ucan/did'
import * as dagPB from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import { base64 } from 'multiformats/bases/base64'
import { identity } from 'multiformats/hashes/identity'
import { sha256 } from 'multiformats/hashes/sha2'
import { equals } from 'multiformats/bytes'

const [config, action, ...rest] = process.argv.slice(2)
const { url, did, key, proof } = JSON.parse(config)
const at = { id: DID.parse(did), url: new URL(url) }
const client = await Client.create({
  principal: Signer.parse(key),
  store: new StoreMemory(),
  serviceConf: {
    access: Service.accessServiceConnection(at),
    upload: Service.uploadServiceConnection(at),
    filecoin: Service.filecoinServiceConnection(at),
    gateway: Service.gatewayServiceConnection(at),
  },
  receiptsEndpoint: new URL('/receipt/', url),
})
const { ok: delegation, error } = await Delegation.extract(Buffer.from(proof, 'base64'))
if (error) throw error
const space = await client.addSpace(delegation)
await client.setCurrentSpace(space.did())

const block = async (cid) => {
  const answer = await fetch(new URL(`/ipfs/${cid}?format=raw`, url))
  const bytes = new Uint8Array(await answer.arrayBuffer())
  if (!equals((await sha256.digest(bytes)).bytes, cid.multihash.bytes)) throw new Error(`bad ${cid}`)
  return bytes
}

async function* content(cid) {
  const bytes = await block(cid)
  if (cid.code !== dagPB.code) yield bytes
  else for (const link of dagPB.decode(bytes).Links) yield* content(link.Hash)
}

const actions = {
  async upload(path) {
    const shards = []
    const root = await client.uploadFile(new Blob([await fs.readFile(path)]), {
      onShardStored: ({ cid }) => shards.push(String(cid)),
    })
    return { root: String(root), shards }
  },
  async list() {
    const { results } = await client.capability.upload.list({ size: 1000 })
    return results.map(({ root, shards }) => ({ root: String(root), shards: shards.map(String) }))
  },
  async blobs() {
    const { results } = await client.capability.blob.list({ size: 1000 })
    return results.map((entry) => entry.blob.size)
  },
  async read(root, path) {
    const pieces = []
    for await (const piece of content(CID.parse(root))) pieces.push(piece)
    await fs.writeFile(path, Buffer.concat(pieces))
    return {}
  },
  async delegate(audience, expiration) {
    const made = await client.createDelegation(DID.parse(audience), ['upload/*', 'space/*'], {
      expiration: Number(expiration),
    })
    const inline = CID.createV1(0x0202, identity.digest((await made.archive()).ok))
    return { proof: inline.toString(base64) }
  },
  async key() {
    const made = await Signer.generate()
    return { did: made.did(), key: Signer.format(made) }
  },
}

console.log(JSON.stringify(await actions[action](...rest)))
process.exit(0)
