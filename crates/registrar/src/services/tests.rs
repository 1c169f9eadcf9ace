mod crash;
mod disk;
mod house;
mod life;
