import t from 'tap'
import { mayUseModel } from '../../src/accounts/principal.ts'
import { principalOf } from '../support/accounts.ts'

t.test('a model may be used where the team and the key both allow it', async (t) => {
  const may = (team: string[] | undefined, key: string[] | undefined, model: string): boolean => mayUseModel(principalOf('search', {
    settings: team === undefined ? {} : { models: team },
    keySettings: key === undefined ? {} : { models: key }
  }), model)
  t.ok(may(undefined, undefined, 'qwen-max'))
  t.ok(may(['qwen-*'], undefined, 'qwen-max'))
  t.ok(may(undefined, ['qwen-max'], 'qwen-max'))
  t.ok(may(['qwen-*'], ['*-max'], 'qwen-max'))
  t.notOk(may(['qwen-coder-*'], ['*-max'], 'qwen-max'))
  t.notOk(may(['qwen-*'], ['qwen-plus'], 'qwen-max'))
})
