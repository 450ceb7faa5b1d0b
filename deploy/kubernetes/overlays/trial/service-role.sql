\getenv password SERVICE_PASSWORD
create role task_status_service login password :'password';
