// The pending tasks by Fastify and pg: the JSON is made by PostgreSQL and passed on as a string. A process a core.

import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import compress from '@fastify/compress';
import fastify from 'fastify';
import pg from 'pg';

const { BENCH_GZIP, BENCH_PAGE_SQL, BENCH_POOL, BENCH_PORT, BENCH_WORKERS } = process.env;
const PATH = '/task-status/pending-tasks';

const page = readFileSync(BENCH_PAGE_SQL, 'utf8');
const counted = `
    select body, (select count(*) from task_status where completion_status is null) as total
    from (${page}) as page`;

// Wrong values are refused before the handler, and the others come as what they are.
const querystring = {
    type: 'object',
    properties: {
        offset: { type: 'integer', minimum: 0, maximum: 2147483647, default: 0 },
        limit: { type: 'integer', minimum: 0, maximum: 250, default: 250 },
        count: { type: 'boolean', default: false },
    },
};

async function serve() {
    // The PG variables of the environment name the database.
    const size = Number(BENCH_POOL);
    const pool = new pg.Pool({ min: size, max: size, idleTimeoutMillis: 0 });
    const app = fastify();
    if (BENCH_GZIP) {
        await app.register(compress, { encodings: ['gzip'], threshold: 1024, zlibOptions: { level: 6 } });
    }
    app.get(PATH, { schema: { querystring } }, async (request, reply) => {
        const { offset, limit, count } = request.query;
        // The name is what has it prepared once a connection.
        const { rows } = await pool.query(count
            ? { name: 'counted', text: counted, values: [limit, offset] }
            : { name: 'page', text: page, values: [limit, offset] });
        reply.type('application/json');
        if (count) {
            reply.header('X-Total-Count', rows[0].total);
        }
        return reply.send(rows[0].body);
    });
    await app.listen({ host: '127.0.0.1', port: Number(BENCH_PORT) });
}

if (cluster.isPrimary) {
    for (let worker = 0; worker < Number(BENCH_WORKERS); worker += 1) {
        cluster.fork();
    }
    // One less would be another peer than the one that is measured.
    cluster.on('exit', () => process.exit(1));
} else {
    await serve();
}
