import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { runPrivately, whyNoPrivateMachine } from './private-machine.ts'

const obstacle = await whyNoPrivateMachine()

/** Starts a process that nobody waits for, joins every control group of its machine, mounts something, and raises a network. */
const UNRULY = `
set -e
for tasks in /sys/fs/cgroup/*/$AGENTOS_NODE_CGROUP/cgroup.procs /sys/fs/cgroup/$AGENTOS_NODE_CGROUP/cgroup.procs; do
  if [ -e "$tasks" ]; then echo $$ > "$tasks"; fi
done
setsid sleep 987 &
mkdir "$AGENTOS_NODE_FOLDER/mount"
mount -t tmpfs none "$AGENTOS_NODE_FOLDER/mount"
touch "$TMPDIR/unruly"
ip link add unruly0 type veth peer name unruly1
echo started`

async function leftovers(): Promise<string[]> {
  const left: string[] = []
  for (const entry of await readdir('/proc')) {
    const command = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')
    if (command.startsWith('sleep\x00987\x00')) left.push(command)
  }
  for (const hierarchy of await readdir('/sys/fs/cgroup')) {
    const names = await readdir(join('/sys/fs/cgroup', hierarchy)).catch(() => [])
    left.push(...names.filter((name) => name.startsWith(`agentos-node-${process.pid}-`)))
  }
  left.push(...(await readdir(tmpdir())).filter((name) => name.startsWith(`agentos-node-${process.pid}-`)))
  left.push(...(await readdir(tmpdir())).filter((name) => name === 'unruly'))
  left.push(...(await readdir('/sys/class/net')).filter((name) => name.startsWith('unruly')))
  return left
}

test.skipIf(obstacle !== undefined)('leaves no process, mount, network or control group of what it ran', async () => {
  expect(await runPrivately(['sh', '-c', `${UNRULY}; exit 3`], process.env)).toBe(3)
  expect(await leftovers()).toEqual([])
})

test.skipIf(obstacle !== undefined)(
  'ends what it ran when it is killed itself, and the next run removes the rest',
  async () => {
    const module = JSON.stringify(join(import.meta.dirname, 'private-machine.ts'))
    const program = `import { runPrivately } from ${module}
await runPrivately(['sh', '-c', ${JSON.stringify(`${UNRULY}; sleep 60`)}], process.env)`
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    expect(line).toBe('started')
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    // The kernel does the rest.
    await sleep(500)
    expect(await leftovers()).toEqual([])
    await runPrivately(['true'], process.env)
    const groups = await readdir('/sys/fs/cgroup/memory').catch(() => [])
    expect(groups.filter((name) => name.startsWith(`agentos-node-${child.pid}-`))).toEqual([])
  },
)
