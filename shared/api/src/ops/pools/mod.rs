//! Pools: named tag queries.

mod create_pool;
mod delete_pool;
mod edit_pool;
