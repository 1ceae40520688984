import t from 'tap'
import { checkWorkspace } from '../../src/core/workspace.ts'
import { shownRefusal } from '../support/refusal.ts'

t.test('a workspace is 1 to 128 printable ASCII characters, or not named at all', async (t) => {
  const named = (workspace: string | undefined): void => checkWorkspace({ 'x-dashscope-workspace': workspace })
  for (const workspace of [undefined, 'a', 'ws 1~', 'x'.repeat(128)]) t.doesNotThrow(() => named(workspace))
  for (const workspace of ['', 'x'.repeat(129), 'é', 'a\nb', '\x7f']) {
    t.match(shownRefusal(() => named(workspace)), { kind: 'invalid_request', param: 'X-DashScope-WorkSpace' })
  }
})
