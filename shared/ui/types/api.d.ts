/** What the page reads of the public API's documents. Enums are open: a client must accept new words. */
declare namespace Api {
  type Id = string;
  type Time = string;
  interface Actor { kind: string; id: string }
  interface Problem {
    type?: string; title: string; status: number; code: string; detail?: string; subject?: string; hint?: string;
    permission?: string; errors?: { pointer: string; code: string; detail: string }[]; request_id?: string;
  }
  interface Me { actor: Actor; name?: string; store_id: Id; grants: { permissions: string[] }; expires_at?: Time }
  type Scope = 'all' | { only: string[] };
  interface WaysIn { served_by: 'agent' | 'relay'; passkey_host?: string; providers: { id: string; name: string }[] }
  interface PasskeyAsked { ceremony: string; options: { publicKey: any } }
  interface OwnPasskey { id: Id; name: string; created_at: Time; used_at?: Time }
  interface OwnAccount { id: Id; store_id: Id; store_name: string; name: string; email?: string; role?: string; has_password: boolean; passkeys: OwnPasskey[]; identities: string[] }
  interface Session extends Row { actor: Actor; user_agent?: string; expires_at: Time }
  interface User extends Row { name: string; email?: string; role?: string; permissions?: string[]; farms: Scope; tags: Scope; state: string }
  interface InvitedUser { token: string; link_ends_at: Time; user: User }
  interface OwnRole extends Row { name: string; permissions: string[] }
  interface AtTheDoor { id: Id; name: string }
  interface Operator extends Row { name: string; role?: string; permissions?: string[]; tags: Scope; state: string; pin: string }
  interface Device extends Row { name: string; role?: string; grants: { tags: Scope }; state: string; user_agent?: string; last_seen_at?: Time; sponsor: Actor }
  interface InvitedDevice { token: string; link?: string; qr_svg?: string; link_ends_at: Time; device: Device }
  interface Row { id: Id; created_at: Time; revision: number; changed_at?: Time; farm_id?: Id; pending?: boolean; pending_commands?: Id[] }
  interface Version { served_by: 'agent' | 'relay'; live: boolean }
  interface Page<T> { items: T[]; next_cursor?: string; total?: number }
  interface Refused { why: string; since: Time; last: Time }
  interface Farm extends Row { name: string; live?: boolean; dispatch: string; connection: string; refused?: Refused }
  interface Claim {
    state: string; fingerprint: string; relay_url?: string; user_code?: string; verification_uri?: string; verification_uri_complete?: string; qr_svg?: string;
    expires_at?: Time; store_name?: string; claimed_at?: Time; connected: boolean; refused?: Refused; problem?: string;
  }
  interface Pairing { user_code: string; farm_id: Id; farm_name: string; host: string; live?: boolean; fingerprint: string; keys: { name: string; permissions: string[] }[]; expires_at: Time; replaces?: Id; empty?: boolean }
  interface Size { x: number; y: number; z: number }
  interface Machine { model?: string; nozzle_mm?: number; build_volume_mm?: Size; plate_type?: string }
  interface Loaded { material?: string; colour?: string; grams?: number }
  interface Printer extends Row {
    name: string; link: { driver: string; address: string; serial?: string; certificate?: string }; machine: Machine; tags: string[]; loaded?: Loaded[]; capabilities: string[];
    connection: string; activity: string; bed: string; admin: string; admin_note?: string; config: string; control: string; display: string;
    bed_use?: string; bed_token?: { bed_use: string; by: string; actor: Actor; given_at: Time }; attempt_id?: Id; job_id?: Id;
    foreign?: { file?: string; since: Time }; fault?: { code?: string; text: string }; connection_problem?: string; control_problem?: string; prompt?: string;
    failures_in_a_row: number; firmware?: string;
  }
  interface Temperature { actual_celsius: number; target_celsius?: number }
  interface Telemetry {
    nozzles?: Temperature[]; bed?: Temperature; chamber?: Temperature; progress?: number; remaining_seconds?: number;
    elapsed_seconds?: number; layer?: number; layers?: number; file?: string; seen_at?: Time;
  }
  interface Target { printer_id?: Id; pool_id?: Id; tags?: string[] }
  interface Needs { models?: string[]; nozzle_mm?: number; materials?: { material?: string; colour?: string; grams?: number }[] }
  interface Job extends Row {
    name: string; file_id: Id; state: string; phase: string; hold_reason?: string; pause_reason?: string; unknown_reason?: string; attempt_id?: Id; printer_id?: Id;
    target: Target; needs: Needs; priority: number; rank?: number; due_at?: Time; estimated_seconds?: number; items: number; cancel_requested?: object;
    attempts: number; printers_tried?: Id[]; detail?: string; created_by: Actor; started_at?: Time; ended_at?: Time;
  }
  interface Attempt extends Row { job_id: Id; printer_id?: Id; state: string; failure_reason?: string; detail?: string; started_at?: Time; ended_at?: Time }
  interface Waiting { job: string[]; printers: Record<string, number>; summary: string }
  interface QueueEntry { job?: Job; waiting: Waiting; away?: boolean }
  interface Queue { entries: QueueEntry[]; waiting: number; active: number }
  interface WhyCode { code: string; text: string; fix: string }
  interface Why { job_id: Id; summary: string; job: WhyCode[]; printers: { printer_id: Id; name: string; reasons: WhyCode[] }[] }
  interface Filament { tool: number; material?: string; colour?: string; grams?: number }
  interface Sliced {
    slicer?: { name: string; version?: string }; printer_model?: string; nozzle_diameters_mm?: number[]; filaments?: Filament[];
    estimated_seconds?: number; layer_height_mm?: number; layer_count?: number; bounds?: { min_mm: number[]; max_mm: number[] };
    warnings?: { code: string; line: number; times: number }[];
  }
  interface File extends Row { name: string; sha256: string; size_bytes: number; sliced: Sliced; created_by: Actor }
  interface Pool extends Row { name: string; tags: string[] }
  interface PrintObject { id: string; name: string; skipped: boolean; printing: boolean }
  interface FoundPrinter { driver: string; driver_title: string; address: string; name?: string; model?: string; serial?: string; firmware?: string; still_needed: string[]; advice?: string; printer_id?: Id; moved?: boolean }
  interface ScanFound { items: FoundPrinter[]; hindrances: string[] }
  interface Driver { name: string; title: string; address_hint: string; serial_hint?: string; credential_hint: string; capabilities: string[] }
  interface Grants { permissions: string[]; farms: Scope; tags: Scope }
  interface Preset { preset: string; title: string; about: string; permissions: string[]; ends_after_seconds?: number; curl: string }
  interface CreatedKey { secret: string; curl?: string; api_key?: Key; slicer_key?: Key }
  interface Made { kind: string; id: Id; name?: string; state?: string; created_at?: Time }
  interface PermissionInfo { name: string; text: string; roles: string[] }
  interface AuditChange { kind: string; id: Id; became: string; before?: Record<string, unknown>; after?: Record<string, unknown>; cut?: boolean }
  interface AuditEntry { home: Id; number: number; hash: string; at: Time; actor: Actor; from?: string; operation: string; subject?: Id; request_id?: Id; asked?: unknown; changes?: AuditChange[]; more_changes?: number }
  interface AuditPage { items: AuditEntry[]; next_cursor?: string; missing_farms?: Id[] }
  interface ChainVerified { home: Id; whole: boolean; broken_at?: number; problem?: string; entries: number; last: number; hash: string; trimmed?: { number: number; at: Time; removed: number }[] }
  interface AuditVerification { chains: ChainVerified[]; missing_farms?: Id[] }
  interface Key extends Row { name: string; hint: string; test?: boolean; role?: string; permissions?: string[]; grants?: Grants; holds?: Grants; allowed_networks?: string[]; rate_limit?: { per_minute: number; burst: number }; state: string; expires_at?: Time; old_secret_until?: Time; sponsor: Actor; pool_id?: Id; printer_id?: Id }
  interface Calls { calls: number; errors: number; refused: number; throttled: number }
  interface DoorUsage { door: 'agent' | 'relay'; farm_id?: Id; last_used_at?: Time; total: Calls; days: { day: string; calls: Calls }[]; networks: { network: string; first_seen_at: Time; last_seen_at: Time }[] }
  interface KeyUsage { last_used_at?: Time; total: Calls; doors: DoorUsage[]; missing_farms?: Id[] }
  interface Command extends Row { verb: string; printer_id: Id; state: string; detail?: string }
  interface Event { id: Id; type: string; number: number; subject: { kind: string; id: Id; revision: number }; occurred_at: Time; data: Record<string, unknown> }
  interface Bulk { results: { id: Id; ok: boolean; problem?: Problem }[] }
}
