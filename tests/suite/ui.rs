//! The dashboard: how its files are served.

mod hosting;
