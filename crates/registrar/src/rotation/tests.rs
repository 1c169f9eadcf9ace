//! Rotations as they are done, cut off, and refused.

mod cut_off;
mod evidence;
mod refused;
mod world;
