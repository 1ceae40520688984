import type { Target } from '../../src/core/catalog.ts'
import type { Quirks, VendorRules } from '../../src/core/target.ts'
import type { ClientCall, OpenedCall, Protocol } from '../../src/core/protocol.ts'

const LENIENT: VendorRules = { strict: false, nativeDefaults: () => ({ resultFormat: 'text', incrementalOutput: false }) }

const TIMEOUTS = { connectTimeoutMs: 1_000, firstByteTimeoutMs: 1_000, idleTimeoutMs: 1_000, totalTimeoutMs: 1_000 }

/** A target that takes DashScope's extensions unless the quirks say otherwise. */
export function targetOf (protocol: Protocol, quirks: Partial<Quirks> = {}, model = 'qwen-coder-turbo'): Target {
  return {
    upstream: { name: 'upstream', protocol, baseUrl: 'http://127.0.0.1', keys: [], timeouts: TIMEOUTS },
    model,
    priority: 0,
    weight: 1,
    quirks: {
      extensions: true,
      developerRole: false,
      maxCompletionTokens: false,
      toolChoiceRequired: 'pass',
      streamOnly: false,
      nativeService: 'text-generation',
      ...quirks
    }
  }
}

/** A call opened by the vendor's rules, leniently and with the oldest models' defaults unless told otherwise. */
export function openedBy (protocol: Protocol, call: ClientCall, rules: Partial<VendorRules> = {}): OpenedCall {
  return protocol.surface.open(call, { ...LENIENT, ...rules })
}
