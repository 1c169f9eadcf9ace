mod crash;
mod house;
mod life;
