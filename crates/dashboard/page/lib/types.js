// Shapes of the API that more than one module reads. No code.

/**
 * @typedef {object} Hit
 * @property {string} id source.generation.offset
 * @property {string} time RFC 3339, UTC, microseconds
 * @property {string} stream
 * @property {string} host
 * @property {string} path
 * @property {string} level unknown, trace, debug, info, warn, error or fatal
 * @property {string} line
 * @property {string} [line_base64] the exact bytes, where they are not UTF-8
 * @property {Record<string, string|number|boolean>} fields
 * @property {string[]} [marks]
 */

/**
 * @typedef {object} Attention
 * @property {string} kind
 * @property {"warn"|"error"} severity
 * @property {string} subject
 * @property {string} text
 * @property {string|null} since
 * @property {{label_key: string, href: string}|null} action
 */

/**
 * @typedef {object} Change
 * @property {string} at
 * @property {string} kind
 * @property {string} subject
 * @property {string} text
 * @property {string|null} [before]
 * @property {string|null} [after]
 */

/**
 * @typedef {object} Overview
 * @property {string} at
 * @property {{percent: number, size: number, stored: number, in_flight: number, unread: number, dead_letter: number, dropped: number, missed: number, expired: number, gaps: number, files: number, incomplete: number}} completeness
 * @property {{lines_per_second: number, bytes_per_second: number}} rates
 * @property {{seconds: number, bytes: number}} lag
 * @property {{records: number, disk_bytes: number, line_bytes: number, days_left: number|null, free_bytes: number|null, oldest: string|null, newest: string|null, paused: string|null}} store
 * @property {{bytes: number, lag_batches: number}|null} queue
 * @property {{up: number, total: number}} agents
 * @property {{step_seconds: number, lines_per_second: number[], lag_seconds: number[], disk_bytes: number[]}} history
 * @property {Attention[]} attention
 * @property {Change[]} changes
 * @property {boolean} first_run
 * @property {boolean} starting
 * @property {number} problems
 * @property {{running: number, waiting: number, finished: number, restarts: number}} workers
 */

export {};
