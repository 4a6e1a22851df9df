import { expect, test } from 'vitest'
import { createClient } from './client.ts'

/** A client whose requests go nowhere, and what it would have sent. */
function record() {
  const sent: RequestInit[] = []
  const fetch = (_url: string | URL | Request, init: RequestInit = {}) => {
    sent.push(init)
    return Promise.resolve(Response.json({ run_id: 'r', session_id: 's', status: 'PENDING' }))
  }
  return { sent, client: createClient({ baseUrl: 'http://server', fetch }) }
}

test('a run without files is a plain form', async () => {
  const { sent, client } = record()
  await client.enqueueRun('a', { message: 'Hi', session_state: { a: 1 } })
  expect(await new Response(sent[0]?.body).text()).toBe(
    'message=Hi&session_state=%7B%22a%22%3A1%7D&background=true&stream=false',
  )
})

test('files go with the other fields in a form of parts', async () => {
  const { sent, client } = record()
  const file = new File(['x'], 'a.png', { type: 'image/png' })
  await client.enqueueRun('a', { message: 'Hi' }, { files: [file, file] })
  const body = sent[0]?.body
  if (!(body instanceof FormData)) throw new TypeError('not a form of parts')
  expect([body.get('message'), body.get('background')]).toEqual(['Hi', 'true'])
  expect(body.getAll('files').map((given) => given instanceof File && given.name)).toEqual(['a.png', 'a.png'])
})
