//! The console without a terminal: keys in, effects carried out on the sandbox, the screen read cell by cell.

mod blocks;
mod config;
mod credentials;
pub(crate) mod desk;
mod flow;
mod hostile;
mod incident;
mod lists;
mod menu;
mod night;
mod said;
mod screens;
mod terminal;
mod ways;
